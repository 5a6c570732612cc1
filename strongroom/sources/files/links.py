"""Recognising the further names of a file that has several."""

import os


class LinkTable:
    """Numbers for files with more than one name; forgets a file when all its names were seen."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[int, int], int] = {}
        self._names_left: dict[int, int] = {}
        self._unread: set[int] = set()
        self._count = 0

    def number(self, status: os.stat_result) -> tuple[int, bool]:
        """Return the link number of a file, and whether this is its first name, the one whose content is read."""
        key = (status.st_dev, status.st_ino)
        number = self._numbers.get(key)
        if number is None:
            self._count += 1
            self._numbers[key] = self._count
            self._names_left[self._count] = status.st_nlink - 1
            return self._count, True
        return number, self._see_again(key, number)

    def forget(self, number: int) -> None:
        """Let the next name of a file be its first, because the one before could not be read."""
        self._unread.add(number)

    def _see_again(self, key: tuple[int, int], number: int) -> bool:
        self._names_left[number] -= 1
        if self._names_left[number] <= 0:
            del self._numbers[key], self._names_left[number]
        is_first = number in self._unread
        self._unread.discard(number)
        return is_first
