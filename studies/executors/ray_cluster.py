"""Trials on a Ray cluster: the one at RAY_ADDRESS, or one that is started on this machine and ends with the study.

What a cluster needs: RUNS on a file system that every node has under the same path, for the cached data and the
artifacts; study and tracking stores by URL (PostgreSQL), since SQLite's write-ahead log does not work between
machines; the same version of this package on every node, which is checked; and the driver on one of the nodes, with a
GPU like the others' if trials are to use GPUs.

A trial asks for CPUs and memory, or for a share of a GPU, so that Ray starts it where it fits. Ray retries nothing: the
driver does that, with a record. Ray itself keeps Ctrl-C away from its workers, and has the kernel take them first when
memory runs out.

Nobody watches for signs of life here: workers on other nodes share no memory with the driver, and Ray ends a task by
asking its worker to end, which one that is stopped does not. A hung worker there is ended by hand, and its task is lost
and runs again like that of any other that dies.
"""

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

import torch

from hourglass_bench.bench.commands import cli
from hourglass_bench.bench.config import RunConfig
from hourglass_bench.studies import worker
from hourglass_bench.studies.executors import Broken, Ending, Failed, Forecast, Lost, ray_session
from hourglass_bench.studies.executors.admission import BASELINE, Room
from hourglass_bench.studies.executors.answers import as_forecast, told
from hourglass_bench.studies.executors.ray_session import Node, RaySession
from hourglass_bench.studies.worker import Place, Task


def require(device: torch.device, timeout: float | None = None) -> None:
    """Raise ValueError if Ray is not installed, does not answer, is to use a certain GPU, or to end hung workers."""
    if timeout is not None and timeout < math.inf:
        raise ValueError(
            f"trial_timeout must be auto or 0 with the executor ray, got {timeout:g}; on its nodes nobody watches for "
            "signs of life."
        )
    if ":" in str(device):
        raise ValueError(
            f"with the executor ray, device must be auto, cpu or cuda, got {device}; Ray chooses among the GPUs that "
            "CUDA_VISIBLE_DEVICES shows it."
        )
    ray_session.require()


class RayExecutor:
    """Trials are Ray tasks.

    Args:
        workers: trials at a time; None: as many as its CPUs allow, or one for every GPU.
        device: its type decides what trials ask for; which GPU they get is Ray's choice.
        room: of a GPU, of which all are taken to be alike.
        threads: of a trial on a CPU.

    Raises:
        ValueError: as `require`, or the nodes have other code than this machine.
    """

    def __init__(self, workers: int | None, device: torch.device, room: Room, threads: int) -> None:
        require(device)
        self._device = device
        self._workers = workers
        self._session = RaySession(cpus=(workers or 0) * threads, gpus=device.type == "cuda")
        self.host = self._session.host
        self._running: dict[Future[Any], Any] = {}
        nodes = self._nodes()
        self._largest = max((node.memory for node in nodes), default=sys.maxsize)
        self._per_gpu = math.ceil((workers or 1) / max(1, sum(node.gpus for node in nodes)))
        self._threads = threads if device.type == "cpu" else self._choose_threads(nodes)
        self._room = room if device.type == "cuda" else Room(self._largest)
        self.memory = self._room.largest_peak
        # A process that has used one GPU cannot be given another.
        remote = self._session.ray.remote(max_retries=0, max_calls=0 if device.type == "cpu" else 1)
        self._work, self._forecast = remote(worker.work), remote(worker.forecast)
        cli.say(f"workers: {self.slots} x {self._threads} thread(s) on {len(nodes)} Ray node(s)")

    @property
    def slots(self) -> int:
        """What the nodes that are there now hold, or fewer if fewer are asked for; never 0, so that one can wait."""
        capacity = self._capacity(self._nodes(), self._threads)
        return max(1, min(capacity, self._workers or capacity))

    def forecast(self, config: RunConfig, ignores: bool, done: Callable[[Forecast], None]) -> None:
        """Predict on a node, as a task that asks for as little as a trial without tensors."""
        self._call(self._forecast, (config, ignores), 0, lambda answer: done(as_forecast(answer)))

    def submit(self, task: Task, done: Callable[[Ending], None]) -> None:
        """Start a task, or let it wait until a node has what it needs."""
        self._call(self._work, (task,), None if task.alone else task.predicted_peak, done)

    def _call(self, remote: Any, arguments: tuple[Any, ...], peak: int | None, done: Callable[[Any], None]) -> None:
        request = self._request(peak)
        if not any(node.cpus >= self._threads and node.memory >= request["memory"] for node in self._nodes()):
            cli.say(f"waiting for a Ray node with {self._threads} CPUs and {request['memory'] / 2**30:.1f} GiB")
        share = request["num_gpus"]
        limit = self._room.limit(int(share * self._room.capacity)) if share else None
        place = Place("cuda:0" if share else "cpu", self._threads, limit)
        ref = remote.options(**request).remote(*arguments, place)
        future: Future[Any] = ref.future()
        self._running[future] = ref

        def finish(future: Future[Any]) -> None:
            answer = self._answer(future, alone=share in (0, 1))
            del self._running[future]
            done(answer)

        future.add_done_callback(finish)

    def watch(self) -> dict[str, float]:
        """See `Executor.watch`; nothing is known."""
        return {}

    def close(self) -> None:
        """End the tasks, and the connection to Ray if it is ours."""
        if self._session.ray.is_initialized():
            for ref in list(self._running.values()):
                self._session.ray.cancel(ref, force=True)
        self._session.close()

    def _nodes(self) -> list[Node]:
        """Those that can run trials."""
        return [node for node in self._session.nodes() if node.gpus or self._device.type == "cpu"]

    def _capacity(self, nodes: Sequence[Node], threads: int) -> int:
        """Small trials that fit on the nodes at the same time."""
        return sum(
            min(
                node.cpus // threads,
                max(1, node.memory // BASELINE),
                node.gpus * self._per_gpu if self._device.type == "cuda" else node.cpus,
            )
            for node in nodes
        )

    def _choose_threads(self, nodes: Sequence[Node]) -> int:
        """Of a trial on a GPU: as many as leave room for all the workers."""
        wanted = self._workers or self._capacity(nodes, threads=1)
        possible = range(max((node.cpus for node in nodes), default=1), 1, -1)
        return next((threads for threads in possible if self._capacity(nodes, threads) >= wanted), 1)

    def _request(self, peak: int | None) -> dict[str, Any]:
        """What Ray is to set aside for a trial with a predicted peak; never more memory than the largest node had."""
        memory, gpu_share = self._room.need(peak), 0.0
        if self._device.type == "cuda":
            hundredths = math.ceil(100 * memory / self._room.capacity)
            memory, gpu_share = BASELINE, min(100, max(hundredths, 100 // self._per_gpu)) / 100
        return {
            "num_cpus": self._threads,
            "num_gpus": gpu_share,
            "memory": min(memory, self._largest),
            "scheduling_strategy": "SPREAD",
        }

    def _answer(self, future: Future[Any], *, alone: bool) -> Any:
        """What a worker returned, or how it did not."""
        errors = self._session.ray.exceptions
        try:
            return told(future.result(), alone=alone)
        except errors.RayTaskError as error:
            return Failed(error.cause)
        except errors.UnserializableException as error:
            return Failed(error)
        except errors.WorkerCrashedError:
            return Lost("its worker process died")
        except errors.OutOfMemoryError:
            return Lost("its node ran out of memory, and Ray ended it")
        except errors.NodeDiedError:
            return Lost("its node was lost")
        except errors.LocalRayletDiedError:
            return Broken("Ray must run on the driver's machine, but its raylet there ended")
        except Exception as error:
            return Lost(f"Ray lost it ({type(error).__name__})")
