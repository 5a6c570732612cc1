"""One thread looks after everything that is long, and leaves what is short alone."""

import multiprocessing
import threading
from dataclasses import dataclass, field

from strongroom.clock import SystemClock
from strongroom.jobs.keeper import PROCESS, Keeper

PATIENCE_SECONDS = 30.0
SOON = 0.001
NEVER = 3600.0


@dataclass(eq=False)
class Plant:
    """Counts how often it is looked after; may wilt, and may keep the gardener."""

    interval: float = SOON
    wilts: bool = False
    looks: int = 0
    often: threading.Event = field(default_factory=threading.Event)
    open_gate: threading.Event = field(default_factory=threading.Event)
    inside: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.open_gate.set()

    def watch(self) -> None:
        self.looks += 1
        if self.looks >= 3:
            self.often.set()
        self.inside.set()
        self.open_gate.wait(PATIENCE_SECONDS)
        if self.wilts:
            raise ValueError("it wilted")


def keepers() -> int:
    return sum(thread.name == "keeper" for thread in threading.enumerate())


def test_what_was_added_is_looked_after_again_and_again():
    keeper, plant = Keeper(SystemClock()), Plant()

    keeper.add(plant)

    assert plant.often.wait(PATIENCE_SECONDS)
    keeper.remove(plant)


def test_what_is_removed_before_its_time_is_never_looked_at():
    keeper, short, long = Keeper(SystemClock()), Plant(interval=NEVER), Plant()

    keeper.add(short)
    keeper.remove(short)
    keeper.add(long)

    assert long.often.wait(PATIENCE_SECONDS)
    keeper.remove(long)
    assert short.looks == 0


def test_one_that_is_due_sooner_does_not_wait_for_one_that_is_due_later():
    keeper, late, soon = Keeper(SystemClock()), Plant(interval=NEVER), Plant()

    keeper.add(late)
    keeper.add(soon)

    assert soon.often.wait(PATIENCE_SECONDS)


def test_many_are_looked_after_by_one_thread():
    keeper, plants, before = Keeper(SystemClock()), [Plant() for _ in range(5)], keepers()

    for plant in plants:
        keeper.add(plant)

    assert all(plant.often.wait(PATIENCE_SECONDS) for plant in plants)
    assert keepers() == before + 1
    for plant in plants:
        keeper.remove(plant)


def test_one_that_goes_wrong_does_not_end_the_care_for_the_others():
    keeper, wilting, sound = Keeper(SystemClock()), Plant(wilts=True), Plant()

    keeper.add(wilting)
    keeper.add(sound)

    assert wilting.often.wait(PATIENCE_SECONDS)
    assert sound.often.wait(PATIENCE_SECONDS)
    keeper.remove(wilting)
    keeper.remove(sound)


def test_removing_waits_for_a_look_that_is_under_way():
    keeper, plant = Keeper(SystemClock()), Plant()
    plant.open_gate.clear()
    keeper.add(plant)
    assert plant.inside.wait(PATIENCE_SECONDS)
    removed = threading.Event()
    removing = threading.Thread(target=lambda: (keeper.remove(plant), removed.set()))

    removing.start()

    assert not removed.wait(0.05)
    plant.open_gate.set()
    assert removed.wait(PATIENCE_SECONDS)
    looks = plant.looks
    other = Plant()
    keeper.add(other)
    assert other.often.wait(PATIENCE_SECONDS)
    assert plant.looks == looks
    removing.join()
    keeper.remove(other)


def look_after_a_plant() -> None:
    plant = Plant()
    PROCESS.keeper.add(plant)
    assert plant.often.wait(PATIENCE_SECONDS)


def test_a_forked_child_has_a_keeper_that_works():
    look_after_a_plant()
    child = multiprocessing.get_context("fork").Process(target=look_after_a_plant)

    child.start()
    child.join()

    assert child.exitcode == 0
