"""Which runs to make: the catalogue of studies and the driver that plans, runs and resumes them."""
