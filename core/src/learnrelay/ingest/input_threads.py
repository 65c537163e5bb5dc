"""Runs the inputs of the operator's file in threads of this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from functools import partial

from ..config.models import InputConfig
from ..errors import LearnrelayError
from ..inputs import Input, InputHost
from ..relay import Relay
from .input_runner import InputRunner


class InputThreads:
    """Runs inputs, each in a thread of its own. The options are those of `InputRunner`.

    ``runners``: in the order of the inputs.
    """

    def __init__(
        self,
        relay: Relay,
        configs: Iterable[InputConfig],
        *,
        is_direct: bool,
        until_end: bool = False,
        is_patient: bool = True,
    ) -> None:
        self._relay = relay
        self.runners = [
            InputRunner(
                relay,
                config,
                partial(self._make, config),
                is_direct=is_direct and not self._input_class(config).is_waited_for,
                is_waited_for=self._input_class(config).is_waited_for,
                until_end=until_end,
                is_patient=is_patient,
            )
            for config in configs
        ]
        self._errors: list[LearnrelayError] = []
        self._threads = [
            threading.Thread(
                target=self._run, args=(runner,), name=f"learnrelay-input-{runner.config.name}", daemon=True
            )
            for runner in self.runners
        ]

    def _input_class(self, config: InputConfig) -> type[Input]:
        return self._relay.assembly.input_class(config.input)

    def _make(self, config: InputConfig, runner: InputRunner) -> Input:
        """Makes an input. Raises ProviderError while the identity provider is away."""
        made = self._relay.assembly.make_input(config)
        made.host = InputHost(self._render_metrics, lambda: runner.waiting_for)
        return made

    def _render_metrics(self) -> bytes:
        try:
            from ..delivery.metrics import render_metrics
        except ImportError:
            return b""
        return render_metrics(self._relay.outbox, self._relay.queues)

    def _run(self, runner: InputRunner) -> None:
        try:
            runner.run()
        except LearnrelayError as error:
            self._errors.append(error)

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    @property
    def are_running(self) -> bool:
        """Tells whether any input is still being read."""
        return any(thread.is_alive() for thread in self._threads)

    @property
    def errors(self) -> Sequence[LearnrelayError]:
        """Returns what ended inputs."""
        return self._errors

    def stop(self, timeout: float = 10.0) -> None:
        """Stores what was read, and ends the threads, within ``timeout`` seconds."""
        for runner in self.runners:
            runner.stop()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
