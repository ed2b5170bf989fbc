"""What the topics of ./dev oracle share: counting, our programs, and packages fetched by their pinned versions."""
import hashlib
import pathlib
import subprocess
import sys
import tarfile

SHOWN_MAX = 8  # failures printed of each topic


class Oracle:
    def __init__(self, topic: str, programs: pathlib.Path, cache: pathlib.Path, quick: bool):
        self.topic = topic
        self.cache = cache / topic      # a folder of the topic's own, kept between runs
        self.packages = cache / "packages"
        self.quick = quick              # a tenth of the work, for trying
        self.root = pathlib.Path(__file__).resolve().parents[2]
        self.checks = 0
        self.failed = 0
        self._programs = programs
        self.cache.mkdir(parents=True, exist_ok=True)
        self.packages.mkdir(parents=True, exist_ok=True)

    def say(self, text: str) -> None:
        print(f"{self.topic}: {text}", flush=True)

    def check(self, good: bool, what) -> bool:
        """Counts one comparison; `what` (a text, or a function that gives it) is printed when it failed."""
        self.checks += 1
        if not good:
            self.failed += 1
            if self.failed <= SHOWN_MAX:
                self.say("FAILED " + (what() if callable(what) else what))
            elif self.failed == SHOWN_MAX + 1:
                self.say("further failures are counted only")
        return good

    def equal(self, ours, theirs, what: str) -> bool:
        return self.check(ours == theirs, lambda: f"{what}: ours {ours!r:.300} theirs {theirs!r:.300}")

    def program(self, name: str) -> pathlib.Path:
        """One of the programs that tests/oracle/CMakeLists.txt declares."""
        return self._programs / name

    def npm(self, name: str, version: str, sha256: str) -> pathlib.Path:
        """The unpacked folder of a package of npm; nothing of it is run."""
        folder = self.packages / f"npm-{name}-{version}"
        if not folder.exists():
            self.say(f"fetching {name} {version} with npm")
            packed = subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=self.packages, check=True,
                                    capture_output=True, text=True).stdout.split()[-1]
            self._unpack(self.packages / packed, sha256, folder)
        return folder / "package"

    def pypi(self, name: str, version: str, sha256: str) -> pathlib.Path:
        """The unpacked source distribution of a package of PyPI. To fetch it pip asks the package's build backend for its
        metadata; nothing of it is installed."""
        folder = self.packages / f"pypi-{name}-{version}"
        if not folder.exists():
            self.say(f"fetching the source of {name} {version} with pip")
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--dest",
                            str(self.packages), f"{name}=={version}"], check=True)
            self._unpack(self.packages / f"{name.replace('-', '_')}-{version}.tar.gz", sha256, folder)
        return folder / f"{name.replace('-', '_')}-{version}"

    def _unpack(self, archive: pathlib.Path, sha256: str, folder: pathlib.Path) -> None:
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != sha256:
            raise SystemExit(f"{archive.name} has SHA-256 {digest}, not {sha256}: not used")
        partial = folder.with_suffix(".partial")
        with tarfile.open(archive) as tar:
            tar.extractall(partial, filter="data")
        partial.rename(folder)
        archive.unlink()
