"""From a folder to pairs of image and mask, with the scene of each."""
