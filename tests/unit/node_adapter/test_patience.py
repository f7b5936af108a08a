from node_adapter.patience import Patience, slowness


class Time:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def lasts(self, patience, step):
        """Return after how many seconds of looks at a steady step the wait is over."""
        begun = self.now
        while not patience.is_over():
            self.now += step
        return self.now - begun


def test_on_a_free_machine_a_second_is_a_second():
    clock = Time()
    assert 59 <= clock.lasts(Patience(60, clock=clock, slowness=lambda: 1.0), 0.1) <= 61


def test_where_many_want_the_processor_it_lasts_longer():
    clock = Time()
    assert 400 <= clock.lasts(Patience(60, clock=clock, slowness=lambda: 7.5), 0.1) <= 460


def test_it_follows_a_load_that_comes_and_goes():
    clock = Time()
    patience = Patience(60, clock=clock, slowness=lambda: 10.0 if clock.now < 100 else 1.0)
    assert 145 <= clock.lasts(patience, 0.1) <= 155


def test_a_look_that_comes_late_is_not_held_against_the_process():
    clock = Time()
    patience = Patience(60, clock=clock, slowness=lambda: 1.0)
    clock.now += 3600  # whoever waits was stopped meanwhile
    assert not patience.is_over()


def test_it_ends():
    clock = Time()
    assert clock.lasts(Patience(1, clock=clock, slowness=lambda: 50.0), 0.5) <= 51


def test_this_machine_says_how_busy_it_is():
    assert slowness() >= 1.0


def test_the_load_of_now_counts_as_well_as_the_last_minute_s(monkeypatch, tmp_path):
    file = tmp_path / "loadavg"
    monkeypatch.setattr("node_adapter.patience._LOAD", file)
    monkeypatch.setattr("node_adapter.patience.os.sched_getaffinity", lambda _pid: {0, 1})
    for text, expected in (("0.50 1.0 1.0 16/300 9\n", 8.0), ("15.0 1.0 1.0 1/300 9\n", 7.5), ("nonsense", 1.0)):
        file.write_text(text, "ascii")
        assert slowness() == expected
