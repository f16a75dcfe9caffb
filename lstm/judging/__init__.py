"""How good it is: the judges of one tune, baselines, novelty, and many tunes summed up."""
