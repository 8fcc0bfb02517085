"""The legend of terms: what captions, notes and heads of columns take for granted, in alphabetical order."""

from reports.analysis.convergence import RISING
from reports.analysis.statistics import POWER
from reports.text import percent

TERMS: dict[str, str] = {
    "adjusted": "At the level of its step by Holm's rule for the claims made together: the interval that is printed "
    "leaves out zero exactly where the adjusted p is below 5 %.",
    "allocator peak": "Most memory that the allocator held in one training step.",
    "area under curve": "Mean validation IoU over the epochs.",
    "basis": "Why two configurations are compared. In brackets: cost of the second over that of the first.",
    "bits per dimension": "Minus the ELBO per pixel and channel; negative where a density exceeds 1.",
    "Boundary IoU": "IoU of the bands within 2 % of the diagonal inside both boundaries (Cheng et al. 2021).",
    "claim": "The difference of two configurations in one metric, with its verdict.",
    "copied": "Share of samples that are nearer to a training frame than a third of their distance to the nearest one "
    "of any other training scene.",
    "detectable difference": f"The true difference that this study finds with a probability of {percent(POWER)} among "
    "the claims made together.",
    "difference over scenes": "Mean over all test scenes and Student's t over them, unadjusted: too narrow where "
    "trainings differ.",
    "distance of samples": "Median distance, as root mean square of thumbnails, to the nearest training frame.",
    "distance of test frames": "The same of frames that were never seen, to judge that of samples by.",
    "effect size": "Mean difference over scenes, in standard deviations of that difference (Cohen's d_z).",
    "interval": "Of 95 %, by Student's t over folds, or over scenes where a single fold was tested. With few folds it "
    "is wide. What it adds beyond the bounds of a metric is cut off.",
    "ELBO": "Evidence lower bound, minus the sum of rate and distortion with beta = 1, whatever beta was trained with: "
    "minus the distortion at which its line meets the left axis.",
    "IoU": "Intersection over union of the predicted and the true foreground.",
    "IWAE": "A lower bound of the log-likelihood tighter than the ELBO, by importance weights of 64 samples (Burda et "
    "al. 2016).",
    "MACs": "Multiply-accumulates of the network, of one image.",
    "margin": "A difference that does not matter.",
    "mark and whisker": "The mean over the repeats of a configuration, on the test scenes, and its interval. Marks "
    "that are too many for whiskers have none; their intervals are in the CSV files of the figure. An arrow at the "
    "end of an axis: the interval goes on.",
    "MS-SSIM": "SSIM on four scales (Wang et al. 2003).",
    "NSD": "Share of both boundaries within 1 original pixel of the other (Nikolov et al. 2018).",
    "original pixels": "Those of a frame before it was resized.",
    "peak memory": "Tensor peak: the largest sum of the bytes of live tensors in one training step. 1 MB = a million "
    "bytes.",
    "probe IoU": "Of the test masks as a linear map, a ridge regression on the training frames, reads them off the "
    "frozen latent.",
    "process peak": "Most memory that the whole process held.",
    "rate (KL)": "KL divergence of the posterior from the prior: what the latent says of a frame.",
    "PSNR": "Peak signal-to-noise ratio of a reconstruction, whose values are in [0, 1].",
    "repeat": "Decides fold, initial weights, order and augmentation, the same for every architecture. In columns: "
    "complete ones, of those that ended.",
    "ring": "Around what validation puts first within a memory budget.",
    "sigma": "Standard deviation of the normal likelihood of images in [0, 1].",
    "SSIM": "Structural similarity of a reconstruction and what it is of (Wang et al. 2004).",
    "still rising": f"A run whose validation IoU gained more than {RISING:g} over the last fifth of the epochs.",
    "stuck": "A run that was never better than a constant prediction.",
    "verdict": "Better: the interval leaves out zero; equivalent: it lies within the margin; else inconclusive. None "
    "with fewer than three repeats.",
}
"""Term -> definition."""
