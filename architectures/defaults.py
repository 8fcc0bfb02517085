"""Names of networks, for commands that would not wait for torch: `architectures.registry` has the networks."""

ARCHITECTURE = "unet"
"""What is trained."""
COMPARED = ("hourglass", "unet")
"""Presets whose trainings are timed beside those of others."""
ARCHITECTURES = ("simple_conv", "hourglass", "unet", "unet_twin", "autoencoder", "vae")
"""All that are built here."""
PRESETS = ("simple_conv_shallow", "simple_conv_deep", "hourglass", "unet", "unet_original", "autoencoder", "vae")
"""All named networks of the practical."""
