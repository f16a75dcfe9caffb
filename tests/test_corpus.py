"""A corpus: its vocabulary, and what of it is learnt and held out."""

from hashlib import sha256

from helpers import tunes
from lstm.corpus import Corpus


def test_a_corpus_knows_the_characters_of_the_held_out_tunes_too():
    text = tunes(9) + "X:10\nT:Ü\nK:G\n♪|\n"
    corpus = Corpus.of(text, validation=0.1)
    assert corpus.vocabulary.characters == "".join(sorted(set(text)))
    assert corpus.vocabulary.decode(corpus.training) == tunes(9)
    assert corpus.vocabulary.decode(corpus.validation) == text[len(tunes(9)) :]
    assert corpus.abc
    assert corpus.digest == sha256(text.encode()).hexdigest()


def test_a_corpus_of_other_text_says_so_and_may_hold_nothing_out():
    corpus = Corpus.of("Ω καὶ τὸ φῶς", validation=0)
    assert not corpus.abc
    assert corpus.vocabulary.decode(corpus.training) == "Ω καὶ τὸ φῶς"
    assert corpus.validation.size == 0
