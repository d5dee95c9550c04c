"""What kind of motion it is, from its name, and what is stored with it."""

import re
import zipfile
from pathlib import Path

import numpy as np

_WORDS: dict[str, tuple[str, ...]] = {
    # tag: words that a name is split into, in lower case
    "walk": ("walk", "walks", "walking", "stroll", "march", "marching"),
    "run": ("run", "runs", "running", "jog", "jogs", "jogging"),
    "sprint": ("sprint", "sprints", "sprinting"),
    "dance": ("dance", "dances", "dancing", "salsa", "charleston", "waltz", "ballet"),
    "fight": ("fight", "fights", "fighting", "boxing", "karate", "kungfu"),
    "kick": ("kick", "kicks", "kicking", "spinkick", "sidekick", "roundhouse"),
    "punch": ("punch", "punches", "punching"),
    "sports": ("sport", "sports", "shoot", "throw", "tennis", "basketball", "soccer", "golf"),
    "jumps": ("jump", "jumps", "jumping", "hop", "hops", "hopping", "leap", "jumpjack"),
    "fallAndGetUp": ("fallandgetup", "getup", "fall", "falls", "falling"),
    "crawl": ("crawl", "crawls", "crawling"),
    "climb": ("climb", "climbs", "climbing", "stairs", "vault"),
    "roll": ("roll", "rolls", "rolling"),
    "flip": ("flip", "flips", "backflip", "frontflip", "cartwheel"),
    "squat": ("squat", "squats", "squatting"),
    "balance": ("balance", "balancing"),
    "turn": ("turn", "turns", "turning"),
    "wave": ("wave", "waves", "waving"),
    "stand": ("stand", "stands", "standing", "idle"),
}  # fmt: skip
_TAG_OF = {word: tag for tag, words in _WORDS.items() for word in words}
_PHRASES = {("fall", "and", "get", "up"): "fallAndGetUp", ("get", "up"): "fallAndGetUp"}
KNOWN_TAGS = tuple(_WORDS)
"""Tags that names can hold."""


def name_tags(name: str | Path) -> tuple[str, ...]:
    """Tags in a clip's name or file name, in the order of their first word; folders do not count.

    A name is split at digits, punctuation and inner capitals: `fightAndSports1_subject4` holds
    `fight` and `sports`, `fallAndGetUp2` holds `fallAndGetUp`, `walkway` holds nothing.
    """
    # Only known suffixes are cut off: `clip.v2` has none.
    text = re.sub(r"\.(csv|npz|pkl|h5|bvh|txt|json|pt|motion)$", "", str(name).rsplit("/", 1)[-1])
    text = text.rpartition(":")[2]
    words = [w.lower() for w in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)]
    found: list[str] = []
    place = 0
    while place < len(words):
        for phrase, tag in _PHRASES.items():
            if tuple(words[place : place + len(phrase)]) == phrase:
                found.append(tag)
                place += len(phrase)
                break
        else:
            found += [_TAG_OF[words[place]]] if words[place] in _TAG_OF else []
            place += 1
    return tuple(dict.fromkeys(found))


def stored_tags(path: Path) -> tuple[str, ...]:
    """Tags stored in a mimiclab npz, without reading the rest; none in any other file."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("tags.npy") as member:
            tags = np.lib.format.read_array(member, allow_pickle=False)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return ()  # whoever reads the motion will hear what is wrong with the file
    return tuple(str(tag) for tag in np.atleast_1d(tags)) if tags.dtype.kind == "U" else ()
