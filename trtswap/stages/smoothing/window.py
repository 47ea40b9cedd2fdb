"""The last frames of every track in dense arrays, so that one NumPy call works on all tracks at once."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array


class TrackWindow:
    """Values of all tracks over the last `length` frames, in order of time. A track keeps its slot while any frame
    of the window shows it; memory grows with the tracks seen within a window, never with frames.

    Views, newest frame last: times_s float64 [length]; values float64 [slots, length, D]; weights float64
    [slots, length], how much a sample counts (0 where absent); present bool [slots, length].
    """

    def __init__(self, length: int, dimensions: int) -> None:
        self.length = length
        self.dimensions = dimensions
        self._capacity = 4 * length
        self.reset()

    def reset(self) -> None:
        """Forgets everything."""
        self._slots: dict[int, int] = {}
        self._away_since: dict[int, int] = {}
        self._shown: list[int] = []
        self._shown_slots = np.zeros(0, np.intp)
        self._frame = 0
        self._end = self.length
        self._times = np.zeros(self._capacity)
        self._values = np.zeros((0, self._capacity, self.dimensions))
        self._weights = np.zeros((0, self._capacity))
        self._present = np.zeros((0, self._capacity), bool)

    @property
    def slot_count(self) -> int:
        """How many slots the arrays have."""
        return len(self._weights)

    @property
    def times_s(self) -> Array:
        return self._times[self._end - self.length : self._end]

    @property
    def values(self) -> Array:
        return self._values[:, self._end - self.length : self._end]

    @property
    def weights(self) -> Array:
        return self._weights[:, self._end - self.length : self._end]

    @property
    def present(self) -> Array:
        return self._present[:, self._end - self.length : self._end]

    def push(self, ids: Array, values: Array, weights: Array, time_s: float) -> tuple[Array, list[int]]:
        """Adds a frame. ids: [N], values: [N, D], weights: [N]. Returns the slots of the ids, intp [N], and those
        slots that begin a new track."""
        self._advance(time_s)
        self._release()
        shown = ids.tolist()
        fresh = self._show(shown) if shown != self._shown else []
        slots = self._shown_slots
        newest = self._end - 1
        self._values[slots, newest] = values
        self._weights[slots, newest] = weights
        self._present[slots, newest] = True
        return slots, fresh

    def _show(self, shown: list[int]) -> list[int]:
        """Finds the slots of the tracks of a frame that are not those of the frame before; gives new ones."""
        self._away_since.update(dict.fromkeys(self._shown, self._frame - 1))
        self._shown = shown
        fresh, slots = [], []
        for track in shown:
            slot = self._slots.get(track)
            if slot is None:
                slot = self._allocate(track)
                fresh.append(slot)
            self._away_since.pop(track, None)
            slots.append(slot)
        self._shown_slots = np.array(slots, np.intp)
        return fresh

    def _advance(self, time_s: float) -> None:
        if self._end == self._capacity:
            for array in (self._values, self._weights, self._present):
                array[:, : self.length] = array[:, self._end - self.length :]
            self._times[: self.length] = self._times[self._end - self.length :]
            self._end = self.length
        if not self._frame:
            self._times[: self._end] = time_s - np.arange(self._end, 0, -1.0)
        self._frame += 1
        self._times[self._end] = time_s
        self._values[:, self._end] = 0
        self._weights[:, self._end] = 0
        self._present[:, self._end] = False
        self._end += 1

    def _release(self) -> None:
        oldest = self._frame - self.length
        for track in [track for track, frame in self._away_since.items() if frame <= oldest]:
            del self._away_since[track], self._slots[track]

    def _allocate(self, track: int) -> int:
        used = set(self._slots.values())
        slot = next((free for free in range(self.slot_count) if free not in used), self.slot_count)
        if slot == self.slot_count:
            more = max(2, self.slot_count // 4)
            self._values = np.concatenate([self._values, np.zeros((more, *self._values.shape[1:]))])
            self._weights = np.concatenate([self._weights, np.zeros((more, self._capacity))])
            self._present = np.concatenate([self._present, np.zeros((more, self._capacity), bool)])
        else:
            self._values[slot] = 0
            self._weights[slot] = 0
            self._present[slot] = False
        self._slots[track] = slot
        return slot
