from mimiclab.cli.defaults import given


def test_the_last_spelling_of_an_option_counts_as_it_does_in_parsing() -> None:
    assert given(["--preset", "gpu"], "--preset") == "gpu"
    assert given(["--control_hz=25", "--x"], "--control-hz") == "25"
    assert given(["--preset", "cpu", "--preset=gpu"], "--preset") == "gpu"
    assert given(["--presets", "cpu", "gpu"], "--preset") is None
    assert given(["--preset"], "--preset") is None
