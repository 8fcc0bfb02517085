"""The legend of terms: what captions, notes and heads of columns take for granted, in alphabetical order."""

TERMS: dict[str, str] = {
    "interval": "Of 95 %, by Student's t over folds, or over scenes where a single fold was tested. With few folds it is "
    "wide. What it adds beyond the bounds of a metric is cut off.",
    "mark and whisker": "The mean over the repeats of a configuration, on the test scenes, and its interval. Marks that "
    "are too many for whiskers have none; their intervals are in the CSV files of the figure. An arrow at the end of an "
    "axis: the interval goes on.",
    "ring": "Around what validation puts first within a memory budget.",
}
"""Term -> definition."""
