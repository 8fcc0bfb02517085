"""How frames of any size come to the size of the training, and back."""
