"""What the network expects after a text: a probability for every character."""

from lstm.sampling import distribution


def next_character(checkpoint, text):
    """[(character, its probability)] of what may come after the text, for each character that the network knows."""
    model, vocabulary = checkpoint.model, checkpoint.vocabulary
    ids = vocabulary.encode(text)[:, None]  # (T, 1): one text
    logits, _, _ = model.forward(ids, model.initial_state())  # (T, 1, V)
    return list(zip(vocabulary.characters, distribution(logits[-1, 0]), strict=True))
