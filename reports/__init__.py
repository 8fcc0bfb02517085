"""The report of a study: tracking store -> DataFrames -> records -> figures, tables -> PDF.

Reads what `bench` logged, by the names in `bench.schema`, and never trains: no torch, no optuna.
"""
