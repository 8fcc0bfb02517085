"""Which encoder-decoder, how deep, how wide, under which memory budget."""
