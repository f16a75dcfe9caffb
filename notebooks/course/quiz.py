"""Human or model? Excerpts of tunes that people made and that a model composed, mixed.

Neither title nor rhythm tells them apart, only the music.
"""

from typing import NamedTuple

from lstm.notation.tunes import body, header_fields

LINES = 2  # of music: some eight bars


class Question(NamedTuple):
    """One excerpt, and who made it."""

    tune: str  # ABC that can be engraved and played
    composed: bool  # by the model


def excerpt(tune, lines=LINES):
    """The beginning of a tune: of its header only what the music needs, so that no title gives it away."""
    fields = header_fields(tune)
    kept = "".join(f"{name}:{fields[name]}\n" for name in "MLK" if name in fields)
    return f"X:1\n{kept}" + "".join(line + "\n" for line in body(tune).split("\n")[:lines])


def questions(composed, people, rng):
    """A Question of each composed tune and of one that people made, where possible in the same rhythm; all mixed.

    composed, people: texts of tunes; there are at least as many of people's. rng: decides which, and the order.
    """
    people, asked = [people[k] for k in rng.permutation(len(people))], []
    for tune in composed:
        rhythm = header_fields(tune).get("R")
        other = next((one for one in people if header_fields(one).get("R") == rhythm), people[0])
        people.remove(other)
        asked += [Question(excerpt(tune), True), Question(excerpt(other), False)]
    return [asked[k] for k in rng.permutation(len(asked))]
