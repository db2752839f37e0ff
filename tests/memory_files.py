"""Files for an emulated board: QEMU loads them into memory beside the firmware, MicroPython mounts them from there.

The QEMU ports have no flash to write to, so this is how a stock image there gets modules and detectors.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from soundsdk.boards import Board
from soundsdk_sim.targets.qemu_machine import QemuMachine

ALIGN = 64

# Folders are the names above files; the file system is read-only. A module is imported from it as from any other.
_MOUNT = """
import io, sys, uctypes, vfs
class MemoryFile(io.IOBase):
    def __init__(self, data):
        self.data = data
        self.at = 0
    def readinto(self, buffer):
        count = min(len(buffer), len(self.data) - self.at)
        buffer[:count] = self.data[self.at:self.at + count]
        self.at += count
        return count
    def read(self):
        return self.data[self.at:]
    def ioctl(self, request, argument):
        return 0
class MemoryFiles:
    def mount(self, readonly, mkfs):
        pass
    def stat(self, path):
        if path in places:
            return (0x8000, 0, 0, 0, 0, 0, places[path][1], 0, 0, 0)
        for name in places:
            if name.startswith(path + "/"):
                return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)
    def open(self, path, mode):
        return MemoryFile(memoryview(uctypes.bytearray_at(*places[path])))
vfs.mount(MemoryFiles(), "/memory")
sys.path.append("/memory")
"""


@contextlib.contextmanager
def machine_with_files(
    board: Board, image: Path, files: Mapping[str, bytes], extra: tuple[str, ...] = ()
) -> Iterator[QemuMachine]:
    """Run the machine of a board with [qemu] during the block, with files in /memory, where it imports from.

    files: by path, such as "lib/soundcore.mpy" without "/memory". In the board's MicroPython `places` has the address
    and size of each, by path with a leading "/". extra: further arguments for QEMU.
    """
    assert board.qemu is not None
    places: dict[str, tuple[int, int]] = {}
    memory = bytearray()
    for path, data in files.items():
        memory += bytes(-len(memory) % ALIGN)
        places[f"/{path}"] = (board.qemu.data_at + len(memory), len(data))
        memory += data
    assert len(memory) <= board.qemu.data_bytes
    with tempfile.TemporaryDirectory(prefix="soundsdk-") as folder:
        blob = Path(folder) / "memory"
        blob.write_bytes(memory)
        loader = f"loader,file={str(blob).replace(',', ',,')},addr={board.qemu.data_at:#x},force-raw=on"
        with QemuMachine(board, image, ("-device", loader, *extra)) as machine:
            machine.exec(f"places = {places!r}")
            machine.exec(_MOUNT)
            yield machine
