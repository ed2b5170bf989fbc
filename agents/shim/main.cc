// luthier-shim ATTEMPT_FOLDER: see shim.h. Started by the agent, detached; not for people.
#include <cstdio>
#include <cstring>

#include "agents/shim/shim.h"
#include "base/clock.h"
#include "base/version.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "--version") == 0) {
    std::printf("luthier-shim %s\n", luthier::kVersion);
    return 0;
  }
  if (argc != 2 || argv[1][0] == '-') {
    std::fputs("usage: luthier-shim ATTEMPT_FOLDER (started by luthier-agent), or --version\n", stderr);
    return 2;
  }
  const luthier::SystemClock clock;
  auto shim = luthier::shim::Shim::create(argv[1], clock);
  if (!shim) {
    std::fprintf(stderr, "luthier-shim: %s\n", shim.error().message.c_str());
    return 2;
  }
  if (auto ended = (*shim)->run(); !ended) {
    std::fprintf(stderr, "luthier-shim: %s\n", ended.error().message.c_str());
    return 1;
  }
  return 0;
}
