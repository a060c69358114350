"""Experiments made of several runs: what to train, how their answers are pooled, what came out.

leakage    the same small training under each way of splitting, and what the leak is worth
sweep      many trainings over values of settings, chosen by Optuna, decided on validation

Plain functions over runs and data sets; pages draw what they return.
"""
