"""The legend of terms: what captions, notes and heads of columns take for granted, in alphabetical order."""

from hourglass_bench.reports.analysis.convergence import RISING
from hourglass_bench.reports.analysis.statistics import POWER
from hourglass_bench.reports.text import percent

TERMS: dict[str, str] = {
    "active units": "Latent numbers of a VAE whose posterior mean has a variance above 0.01 over the test frames "
    "(Burda et al. 2016).",
    "adjusted": "At the level of its step by Holm's rule for the claims made together: the interval that is printed "
    "leaves out zero exactly where the adjusted p is below 5 %.",
    "allocator peak": "Most memory that the allocator held in one training step.",
    "area under curve": "Mean validation IoU over the epochs.",
    "arrow": "At the end of an axis: the interval goes on beyond it. Axes of scores span the marks, since intervals "
    "of few folds are many times longer.",
    "at its best": "An architecture's configuration with the highest mean best validation IoU, of those with the "
    "most complete repeats; never chosen by test scores.",
    "base rate": "The same probability everywhere, the share of foreground among the training pixels. Its "
    "cross-entropy is what a network scores that has learnt nothing else.",
    "basis": "Why two configurations are compared. In brackets: cost of the second over that of the first.",
    "bits per dimension": "Minus the ELBO per pixel and channel; negative where a density exceeds 1.",
    "Boundary IoU": "IoU of the bands within 2 % of the diagonal inside both boundaries (Cheng et al. 2021).",
    "claim": "The difference of two configurations in one metric, with its verdict.",
    "Clopper-Pearson interval": "The exact one of a share; it takes the runs for independent. A run that missed the "
    "target never counts as having reached it, whether its training was long or short.",
    "copied": "Share of samples that are nearer to a training frame than a third of their distance to the nearest one "
    "of any other training scene.",
    "descriptive": "Mean over all test scenes and Student's t over them, unadjusted: too narrow where trainings "
    "differ, so that no verdict rests on it.",
    "detectable difference": f"The true difference that this study finds with a probability of {percent(POWER)} among "
    "the claims made together; a dash where there can be none as large.",
    "distance of samples": "Median distance, as root mean square of thumbnails, to the nearest training frame.",
    "distance of test frames": "The same of frames that were never seen, to judge that of samples by.",
    "distortion": "Cross-entropy of a sampled reconstruction (Bernoulli likelihood of masks; normal of images, with "
    "one sigma), in nats per test frame, as is the rate.",
    "effect size": "Mean difference over scenes, in standard deviations of that difference (Cohen's d_z).",
    "ELBO": "Evidence lower bound, minus the sum of rate and distortion with beta = 1, whatever beta was trained "
    "with: minus the distortion at which its line meets the left axis.",
    "fANOVA": "Importance of a hyperparameter: share of the variance of a random forest's prediction over the whole "
    "search space. Shares of an architecture add up to 100 %.",
    "first look": "A comparison with three or four repeats, which calls nothing better.",
    "interval": "Of 95 %, by Student's t over folds. Where a single fold was tested, over its scenes, crossed with "
    "the repeats if they are several (Satterthwaite's degrees of freedom); what is measured by run, such as PSNR, "
    "rate and active units, has none then. It is cut off at the bounds of the metric.",
    "IoU": "Intersection over union of the predicted and the true foreground.",
    "IWAE": "A lower bound of the log-likelihood tighter than the ELBO, by importance weights of 64 samples (Burda et "
    "al. 2016).",
    "MACs": "Multiply-accumulates of the network, of one image.",
    "margin": "A difference that does not matter.",
    "mark": "Mean of a configuration over its repeats, on the test scenes: frames of a scene are averaged first, "
    "then scenes, then folds. Of more marks than have room, the intervals are in the figure's CSV file alone.",
    "MS-SSIM": "SSIM on three scales (Wang et al. 2003).",
    "NSD": "Share of both boundaries within 1 original pixel of the other (Nikolov et al. 2018).",
    "original pixels": "Those of a frame before it was resized.",
    "peak memory": "Tensor peak: the largest sum of the bytes of live tensors in one training step, which "
    "differs by the arithmetic's precision. 1 MB = a million bytes.",
    "PED-ANOVA": "Importance of a hyperparameter: how far its values in the best tenth of the trials, at least "
    "five, are from those of all. It answers another question than fANOVA, and may disagree.",
    "performance profile": "A line further up and to the right means higher scores on that part of the scenes.",
    "probe IoU": "Of the test masks as a linear map, a ridge regression on the training frames, reads them off the "
    "frozen latent.",
    "process peak": "Most memory that the whole process held.",
    "PSNR": "Peak signal-to-noise ratio of a reconstruction, whose values are in [0, 1].",
    "rate (KL)": "KL divergence of the posterior from the prior: what the latent says of a frame.",
    "reliability": "Pixels in bins of equal width by predicted probability, scenes weigh the same. Below the "
    "diagonal predictions are too high. Bins with less than 0.1 % of the pixels are not drawn, and have no band "
    "where a fold has less.",
    "repeat": "Decides fold, initial weights, order and augmentation, the same for every architecture. In columns: "
    "complete ones, of those that ended.",
    "ring": "Around what to take, over all and within memory budgets.",
    "rule without a network": "A prediction that needs no training: all foreground, the base rate, the mean mask of "
    "the training frames, or a copy of the nearest training frame's mask.",
    "sigma": "Standard deviation of the normal likelihood of images in [0, 1].",
    "size of the foreground": "Its share of the frame. Bins are quantiles of it over the test frames; a mark stands "
    "at the bin's median, a scene's frames in a bin are averaged first.",
    "SSIM": "Structural similarity of a reconstruction and what it is of (Wang et al. 2004).",
    "still rising": f"A run whose validation IoU gained more than {RISING:g} over the last fifth of the epochs.",
    "stored-mask ceiling": "IoU of true masks with themselves after they were averaged to a side, interpolated back "
    "and cut at 0.5. No bound for networks: their maps have channels, and skip connections lead past them.",
    "stuck": "A run that was never better than a constant prediction.",
    "verdict": "Better: the interval leaves out zero; equivalent: it lies within the margin; else inconclusive. With "
    "three or four repeats a first look: ahead instead of better, never equivalent. None with fewer.",
    "where the time went": "Set-up: data and network. Tracking: epochs logged. Memory: the measurement of a step. "
    "Test: predictions, metrics and baselines. Idle: a worker's time between two runs. Other: the run's own time in "
    "no phase.",
    "within a tolerance": "Share of the predicted and the true boundary that lies within a distance of the other "
    "one, in pixels of the original frames: normalised surface distance (NSD).",
}
"""Term -> definition."""
