"""Files of pictures: which there are, their pages, and the numbers in them."""
