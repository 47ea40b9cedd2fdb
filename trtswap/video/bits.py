"""Reading single bits and Exp-Golomb codes."""

from __future__ import annotations


class BitReader:
    """Reads `data` from its first byte's highest bit on. Every method raises EOFError past the end."""

    def __init__(self, data: bytes) -> None:
        self._bits = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def read(self, count: int) -> int:
        """The next `count` bits as an unsigned number."""
        if count > self._left:
            raise EOFError("the bitstream ended early")
        self._left -= count
        return (self._bits >> self._left) & ((1 << count) - 1)

    def skip(self, count: int) -> None:
        """Passes over `count` bits."""
        self.read(count)

    def flag(self) -> bool:
        """The next bit."""
        return self.read(1) == 1

    def exp_golomb(self, count: int = 1) -> int:
        """The last of the next `count` ue(v) codes (ITU-T H.264 9.1); 0 for no codes at all."""
        value = 0
        for _ in range(count):
            zeros = 0
            while not self.flag():
                zeros += 1
            value = (1 << zeros) - 1 + self.read(zeros)
        return value

    def signed_exp_golomb(self) -> int:
        """The next se(v) code."""
        code = self.exp_golomb()
        return (code + 1) // 2 if code % 2 else -(code // 2)
