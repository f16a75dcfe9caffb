"""How good a model is: loss beside baselines, tunes judged and summed up, novelty. Not the judging of one tune."""
