"""The messages about transactions, delivered in order whatever becomes of the connection.

Rules (OCPP 1.6 sections 3.7 and 4.8): a message is sent until it is answered, each time with a new
message id and the same payload; a lost connection costs nothing, a CALLERROR or no answer in time
costs one of TransactionMessageAttempts, and after the last the message is given up.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import trio

from ocpp_trio.errors import CommandFailed
from ocpp_trio.ocppj.frames import Payload
from ocpp_trio.simulator.bell import Bell
from ocpp_trio.simulator.configuration import ATTEMPTS, RETRY, Configuration
from ocpp_trio.simulator.connection import LinkLost


class Transaction:
    """A transaction as its charge point knows it; `id` is None until the start is answered."""

    def __init__(self, id_tag: str, meter_start: int) -> None:
        self.id_tag = id_tag
        self.meter_start = meter_start
        self.id: int | None = None


class Message:
    """A message to deliver. `settled` once it was answered or given up, `answered` tells which."""

    def __init__(
        self,
        action: str,
        payload: Payload,
        transaction: Transaction | None,
        on_answer: Callable[[Payload, Payload], None] | None = None,
    ) -> None:
        """`transaction`: whose id is put into the payload when it is sent; None: none is.

        `on_answer` gets the payload as sent and the answer, at the moment that arrives.
        """
        self.action = action
        self.settled = False
        self.answered = False
        self._payload = payload
        self._transaction = transaction
        self._on_answer = on_answer

    @property
    def given_up(self) -> bool:
        """Whether it will never be answered."""
        return self.settled and not self.answered

    def ready(self) -> Payload | None:
        """The payload to send; None if the transaction never got an id."""
        if self._transaction is None:
            return self._payload
        if self._transaction.id is None:
            return None
        return {**self._payload, "transactionId": self._transaction.id}

    def acknowledge(self, sent: Payload, answer: Payload) -> None:
        """The central system has it."""
        self.answered = True
        if self._on_answer is not None:
            self._on_answer(sent, answer)


class Send(Protocol):
    """Waits for a usable connection and sends a CALL over it (see Connection.call)."""

    async def __call__(
        self, action: str, payload: Payload, on_answer: Callable[[Payload], None], /
    ) -> Payload: ...


class Outbox:
    """The queue of one charge point, in memory."""

    def __init__(
        self,
        send: Send,
        configuration: Configuration,
        bell: Bell,
        complain: Callable[[str], None],
    ) -> None:
        """`bell` is rung when a message is settled; `complain` is told of those given up."""
        self._send = send
        self._configuration = configuration
        self._bell = bell
        self._complain = complain
        self._in, self._out = trio.open_memory_channel[Message](math.inf)

    def put(self, message: Message) -> Message:
        """Queue a message; it is sent when those before it are settled."""
        self._in.send_nowait(message)
        return message

    async def deliver(self) -> None:
        """Deliver for ever."""
        async for message in self._out:
            await self._settle(message)
            message.settled = True
            self._bell.ring()

    async def _settle(self, message: Message) -> None:
        attempts = 0
        while True:
            payload = message.ready()
            if payload is None:
                return
            try:
                await self._send(
                    message.action,
                    payload,
                    lambda answer, sent=payload: message.acknowledge(sent, answer),  # type: ignore[misc]
                )
                return
            except LinkLost:
                # The answer may have been read just before the connection ended.
                if message.answered:
                    return
            except CommandFailed as error:
                attempts += 1
                if attempts >= self._configuration.number(ATTEMPTS):
                    self._complain(f"{message.action} given up after {attempts} attempts: {error}")
                    return
                await trio.sleep(self._configuration.number(RETRY) * attempts)
