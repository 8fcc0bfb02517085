"""The legend of terms: what captions, notes and heads of columns take for granted, in alphabetical order."""

TERMS: dict[str, str] = {
    "active units": "Latent numbers of a VAE whose posterior mean has a variance above 0.01 over the test frames "
    "(Burda et al. 2016).",
    "arrow": "At the end of an axis: the interval goes on beyond it. Axes of scores span the marks, since intervals "
    "of few folds are many times longer.",
    "at its best": "An architecture's configuration with the highest mean best validation IoU, of those with the "
    "most complete repeats; never chosen by test scores.",
    "base rate": "The same probability everywhere, the share of foreground among the training pixels. Its "
    "cross-entropy is what a network scores that has learnt nothing else.",
    "Clopper-Pearson interval": "The exact one of a share; it takes the runs for independent. A run that missed the "
    "target never counts as having reached it, whether its training was long or short.",
    "ELBO": "Evidence lower bound, minus the sum of rate and distortion with beta = 1, whatever beta was trained "
    "with: minus the distortion at which its line meets the left axis.",
    "fANOVA": "Importance of a hyperparameter: share of the variance of a random forest's prediction over the whole "
    "search space. Shares of an architecture add up to 100 %.",
    "interval": "Of 95 %, by Student's t over folds. Where a single fold was tested, over its scenes, crossed with "
    "the repeats if they are several (Satterthwaite's degrees of freedom); what is measured by run, such as PSNR, "
    "rate and active units, has none then. It is cut off at the bounds of the metric.",
    "mark": "Mean of a configuration over its repeats, on the test scenes: frames of a scene are averaged first, "
    "then scenes, then folds. Of more marks than have room, the intervals are in the figure's CSV file alone.",
    "PED-ANOVA": "Importance of a hyperparameter: how far its values in the best tenth of the trials, at least "
    "five, are from those of all. It answers another question than fANOVA, and may disagree.",
    "performance profile": "A line further up and to the right means higher scores on that part of the scenes.",
    "rate and distortion": "Of a VAE, in nats per test frame: the KL divergence of the posterior from the prior, "
    "and the cross-entropy of a sampled reconstruction (Bernoulli likelihood of masks; normal of images, with one "
    "sigma).",
    "reliability": "Pixels in bins of equal width by predicted probability, scenes weigh the same. Below the "
    "diagonal predictions are too high. Bins with less than 0.1 % of the pixels are not drawn, and have no band "
    "where a fold has less.",
    "rule without a network": "A prediction that needs no training: all foreground, the base rate, the mean mask of "
    "the training frames, or a copy of the nearest training frame's mask.",
    "size of the foreground": "Its share of the frame. Bins are quantiles of it over the test frames; a mark stands "
    "at the bin's median, a scene's frames in a bin are averaged first.",
    "stored-mask ceiling": "IoU of true masks with themselves after they were averaged to a side, interpolated back "
    "and cut at 0.5. No bound for networks: their maps have channels, and skip connections lead past them.",
    "where the time went": "Set-up: data and network. Tracking: epochs logged. Memory: the measurement of a step. "
    "Test: predictions, metrics and baselines. Idle: a worker's time between two runs. Other: the run's own time in "
    "no phase.",
    "within a tolerance": "Share of the predicted and the true boundary that lies within a distance of the other "
    "one, in pixels of the original frames: normalised surface distance (NSD).",
}
"""Term -> definition."""
