"""Exploring: many ways to build and to train a network, tried and compared by a search that Optuna leads. Not how one
network is trained."""
