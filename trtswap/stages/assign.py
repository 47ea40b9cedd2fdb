"""The optimal one-to-one assignment of rows to columns; pure NumPy and Python, for the few faces of a frame."""

from __future__ import annotations

import numpy as np

from trtswap.types import Array


def assign(benefits: Array) -> tuple[Array, Array]:
    """The matching with the largest sum of benefits. Exact.

    benefits: finite float [R, C]; a pair that is not above 0 is never matched. Returns the matched rows, ascending,
    and their columns: intp [K] each.
    """
    if not benefits.size:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    best = benefits.argmax(axis=1)
    rows = np.flatnonzero(benefits.max(axis=1) > 0)
    columns = best[rows]
    if len(set(columns.tolist())) == len(rows):
        return rows, columns  # every row has its best column: no matching is better
    chosen = _shortest_augmenting_paths(benefits[rows])
    columns = np.array(chosen, np.intp)
    matched = columns >= 0
    return rows[matched], columns[matched]


def _shortest_augmenting_paths(benefits: Array) -> list[int]:
    """The column of each row, -1 for none: the Hungarian method on costs, rows added one by one.

    Every row has a column of its own, after the real ones, in which it stays alone at cost 0.
    """
    count, real = benefits.shape
    costs = np.zeros((count, real + count))
    costs[:, :real] = -np.maximum(benefits, 0)
    table = costs.tolist()
    potentials = [min(line) for line in table]
    prices = [0.0] * (real + count)
    owners = [-1] * (real + count)
    waiting = []
    for row, line in enumerate(table):
        column = line.index(potentials[row])
        if owners[column] < 0:
            owners[column] = row
        else:
            waiting.append(row)
    for row in waiting:
        _augment(row, table, potentials, prices, owners)
    chosen = [-1] * count
    for column, owner in enumerate(owners[:real]):
        if owner >= 0 and table[owner][column] < 0:
            chosen[owner] = column
    return chosen


def _augment(
    start: int, costs: list[list[float]], potentials: list[float], prices: list[float], owners: list[int]
) -> None:
    """Gives row `start` a column along the cheapest path of exchanges; keeps all reduced costs at 0 or above."""
    width = len(prices)
    distance = [float("inf")] * width
    came_from = [-1] * width  # the column whose owner reaches this one; -1 is `start` itself
    done = [False] * width
    row, reached, column = start, 0.0, -1
    while True:
        line, base, previous = costs[row], reached - potentials[row], column
        nearest = float("inf")
        for other in range(width):
            if done[other]:
                continue
            length = base + line[other] - prices[other]
            if length < distance[other]:
                distance[other], came_from[other] = length, previous
            if distance[other] < nearest:
                nearest, column = distance[other], other
        reached = nearest
        done[column] = True
        if owners[column] < 0:
            break
        row = owners[column]
    potentials[start] += reached
    for other in range(width):
        if done[other] and other != column:
            potentials[owners[other]] += reached - distance[other]
            prices[other] -= reached - distance[other]
    while column >= 0:
        previous = came_from[column]
        owners[column] = owners[previous] if previous >= 0 else start
        column = previous
