"""The schedule: plan.json as Ringscope made it. Nothing of it is worked out here.

All ranks share one table of distinct steps; a rank's program is a list of indices into it. Other ranks are named by
their shift from the rank's own ring position, so that what every rank does alike is in the table once.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

from .config import Config, read_json
from .errors import RunError

FORMAT = "ringscope-cluster-plan"
VERSION = 1
#: The order is part of the tags of messages.
CHANNELS = ("kv", "kv-outer", "dkv", "dkv-outer", "query", "result")


@dataclass(frozen=True)
class Move:
    """A block on its way to or from `peer`; `owner` is the rank whose shard it is."""

    channel: str
    payload: str
    peer: int
    owner: int
    buffer: str
    slot: int
    #: Step of the iteration at whose end the move must be over.
    settle_step: int


@dataclass(frozen=True)
class Work:
    """The block that a step computes. `gradient` is the slot for dK and dV of a backward step."""

    side: int
    kv_slot: int
    gradient: Optional[int]
    #: Whether the gradient slot is overwritten; else it is added to.
    fresh: bool


@dataclass(frozen=True)
class Fold:
    """What is added up at the end of a step: `what` is gradient, partial or dq."""

    what: str
    source: int
    into: int


@dataclass(frozen=True)
class Step:
    """One step of one rank. In order: moves are posted, the block is computed, moves due are settled, folds are made."""

    index: int
    backward: bool
    #: Payload of an all-to-all of the Ulysses group; then there is nothing else in the step.
    exchange: Optional[str]
    #: Ranks whose queries and keys meet; None where nothing is computed.
    query_owner: Optional[int]
    kv_owner: Optional[int]
    work: Optional[Work]
    sends: Tuple[Move, ...]
    recvs: Tuple[Move, ...]
    folds: Tuple[Fold, ...]


@dataclass(frozen=True)
class Run:
    """`count` groups of `width` consecutive global positions; groups begin at `start`, `start + stride`, ..."""

    start: int
    stride: int
    count: int
    width: int


@dataclass(frozen=True)
class Seat:
    """Where a rank sits: its ring set, its position in the ring, its place in the Ulysses group at that position."""

    ring_set: int
    position: int
    member: int


class Plan:
    """plan.json, with what it says of any rank."""

    def __init__(self, data: Dict[str, Any]) -> None:
        geometry = data["geometry"]
        self.name: str = data["name"]
        self.ring_size: int = geometry["ringSize"]
        self.degree: int = geometry["degree"]
        #: Batch items of a ring set.
        self.batch: int = geometry["batch"]
        self.window: int = geometry["window"]
        self.compute_tokens: int = data["computeTokens"]
        self.shard_tokens: int = data["shardTokens"]
        self.theory: Dict[str, Any] = data["theory"]
        self._data = data

    def seat(self, rank: int) -> Seat:
        """The seat of a rank: members of a Ulysses group are consecutive, then positions, then sets."""
        in_set = rank % (self.ring_size * self.degree)
        return Seat(rank // (self.ring_size * self.degree), in_set // self.degree, in_set % self.degree)

    def rank_at(self, seat: Seat) -> int:
        """The rank in a seat."""
        return (seat.ring_set * self.ring_size + seat.position) * self.degree + seat.member

    def group_of(self, seat: Seat) -> List[int]:
        """The ranks that share a ring position and split its heads."""
        return [self.rank_at(Seat(seat.ring_set, seat.position, member)) for member in range(self.degree)]

    def position_runs(self, position: int) -> List[Run]:
        """Global positions of the rows that ranks of a ring position compute on, ascending."""
        return [Run(*run) for run in self._data["shards"][position]]

    def slots(self, rank: int) -> Tuple[int, int, int, Optional[int]]:
        """K/V slots, gradient slots, query sides, and the gradient slot that ends with the rank's own dK and dV."""
        _, kv_slots, dkv_slots, sides, own = self._data["ranks"][rank]
        return kv_slots, dkv_slots, sides, own

    def steps(self, rank: int) -> List[Step]:
        """The program of a rank."""
        program = self._data["programs"][self._data["ranks"][rank][0]]
        seat = self.seat(rank)
        table = self._data["steps"]
        return [self._step(table[entry], index, seat) for index, entry in enumerate(program)]

    def channels(self) -> List[str]:
        """Channels on which anything is sent by any rank."""
        used = {move[0] for step in self._data["steps"] for move in step.get("sends", ())}
        return [channel for channel in CHANNELS if channel in used]

    def _rank_from(self, seat: Seat, shift: Optional[int]) -> Optional[int]:
        """The rank whose ring position is `shift` away: whole windows and places within a window wrap by themselves."""
        if shift is None:
            return None
        windows = self.ring_size // self.window
        outer = (seat.position // self.window + shift // self.window) % windows
        inner = (seat.position % self.window + shift % self.window) % self.window
        return self.rank_at(Seat(seat.ring_set, outer * self.window + inner, seat.member))

    def _step(self, entry: Dict[str, Any], index: int, seat: Seat) -> Step:
        def moves(direction: str) -> Tuple[Move, ...]:
            return tuple(
                Move(channel, payload, self._must(seat, peer), self._must(seat, owner), buffer, slot, index + settle_in)
                for channel, payload, peer, owner, buffer, slot, settle_in in entry.get(direction, ())
            )

        work = entry.get("work")
        return Step(
            index=index,
            backward=entry["pass"] == "backward",
            exchange=entry.get("exchange"),
            query_owner=self._rank_from(seat, entry.get("query")),
            kv_owner=self._rank_from(seat, entry.get("key")),
            work=None if work is None else Work(*work),
            sends=moves("sends"),
            recvs=moves("recvs"),
            folds=tuple(Fold(*fold) for fold in entry.get("folds", ())),
        )

    def _must(self, seat: Seat, shift: int) -> int:
        rank = self._rank_from(seat, shift)
        assert rank is not None
        return rank


def load_plan(path: Path, config: Config) -> Plan:
    """Reads plan.json and checks that it belongs to the configuration."""
    data = read_json(path)
    if data.get("format") != FORMAT or data.get("version") != VERSION:
        raise RunError(f"{path}: no plan of this version; write the folder again with `ringscope cluster`")
    changed = [key for key, value in data["madeFrom"].items() if config.raw.get(key) != value]
    if changed:
        raise RunError(
            f"{path} was made for another configuration: config.json differs in {', '.join(changed)}. The schedule follows "
            "from these keys, so that they cannot be edited here: write the folder again with `ringscope cluster`"
        )
    return Plan(data)
