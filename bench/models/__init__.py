"""A trained network as a model of MLflow's: written, logged, registered, and loaded to be served."""
