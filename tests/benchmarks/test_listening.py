"""The benchmark of listening: its gateways start, with a recording to play. The browsers would take four minutes."""

from pathlib import Path

from benchmarks.listening import KINDS, PACED, Listener, sound_gateways


def test_each_listener_has_a_recording_at_a_gateway(tmp_path: Path) -> None:
    listener = Listener("Chromium", KINDS[0], PACED)
    with sound_gateways(tmp_path, [listener]) as where:
        assert list(where) == [listener]
        assert where[listener].sound.size
        assert where[listener].accesses(where[listener].sound) == []
