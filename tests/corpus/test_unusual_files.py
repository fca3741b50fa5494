"""Some hundred files: what they are, how long they play, and that catalogue and waveform say the same."""

from collections.abc import Callable, Iterator

import pytest

from gateway.media.decoding.sound import compute_waveform
from gateway.media.facts import MediaFacts, NotMedia
from tests.corpus.edits import UNKNOWN, FFmpeg, Sample
from tests.corpus.files import FAMILIES, cuts
from tests.made_once import shared_folder
from tests.media.probing import object_file, probe

# Of what is in them, the sound ends first.
SOUND_ENDS_FIRST = (
    "picture longer",
    "sound 2",
    "v begins",
    "picture begins",
    "second longer",
    "video",
    "theora",
    "mkv",
)


def facts(content: bytes) -> MediaFacts | None:
    try:
        return probe(content)
    except NotMedia:
        return None


def heard(content: bytes) -> float | None:
    try:
        found = compute_waveform(object_file(content), lambda *_: None)
    except NotMedia:
        return None
    return None if found is None else found[0] / 1_000_000


def fault(sample: Sample) -> str:
    """What is wrong with the responses for this file, or nothing."""
    found, sound = facts(sample.content), heard(sample.content)
    seconds = found.duration_seconds if found else None
    if sample.seconds != UNKNOWN:
        if found is None or seconds is None or sample.seconds is None:
            return "" if found is None and sample.seconds is None else f"{found}"
        if found.content_type != sample.content_type or abs(seconds - sample.seconds) > sample.tolerance:
            return f"{found.content_type}, {seconds} s"
    shorter = any(word in sample.name for word in SOUND_ENDS_FIRST)
    if seconds is None or sound is None:
        return "" if seconds == sound or shorter else f"{seconds} s, and {sound} s are heard"
    agree = sound <= seconds + 0.2 if shorter else abs(sound - seconds) <= 0.2
    return "" if agree else f"{seconds} s, and {sound} s are heard"


@pytest.mark.parametrize("family", FAMILIES)
def test_catalogue_and_waveform_know_every_file(
    family: Callable[[FFmpeg], Iterator[Sample]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    samples = list(family(FFmpeg(shared_folder(tmp_path_factory, "corpus"))))
    faults = {each.name: said for each in (*samples, *cuts(samples)) if (said := fault(each))}
    assert faults == {}
