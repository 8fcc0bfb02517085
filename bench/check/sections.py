"""The sections of the check in the order of their importance, each with its part of the time.

Those that must pass may take more than they need: one that is cut has failed, and what they leave is the next ones'.
"""

from hourglass_bench.bench.check import agreement, ceilings, faults, forecast, graph, leaks, roofline, speed, trials
from hourglass_bench.bench.check.runner import Section

SECTIONS = (
    Section(
        name="ceilings",
        about="What the machine can do: matrix products and copies",
        work=ceilings.measure,
        correctness=False,
        share=40,
    ),
    Section(
        name="forecast",
        about="The forecast of a step's memory against what the step takes",
        work=forecast.compare,
        correctness=True,
        share=120,
    ),
    Section(
        name="agreement",
        about="Every architecture and norm: gradient and three epochs in each arithmetic against float32 on the CPU",
        work=agreement.compare,
        correctness=True,
        share=120,
    ),
    Section(
        name="graph",
        about="Steps and evaluation replayed as a graph against the same carried out kernel by kernel",
        work=graph.compare,
        correctness=True,
        share=60,
    ),
    Section(
        name="leaks",
        about="Trainers made, trained and dropped in turn: what stays in memory",
        work=leaks.watch,
        correctness=True,
        share=50,
    ),
    Section(
        name="faults",
        about="Memory that runs out, and a broken device: recognised, and survived?",
        work=faults.provoke,
        correctness=True,
        share=60,
    ),
    Section(
        name="speed",
        about="Images trained per second beside a plain PyTorch loop",
        work=speed.measure,
        correctness=False,
        share=110,
    ),
    Section(
        name="roofline",
        about="Share of what the machine could do, and where a step's time goes",
        work=roofline.measure,
        correctness=False,
        share=40,
    ),
    Section(
        name="trials",
        about="Trainings of the study depth_width per hour, by the number of workers",
        work=trials.measure,
        correctness=False,
        share=60,
    ),
)
