// The lines of docs/worker-protocol.md as each side reads them: cut from a stream, read from the spool, a job file, a
// serving request.
#include "agents/link/spool_reader.h"
#include "agents/shim/records.h"
#include "agents/shim/unix_socket.h"
#include "agents/worker/serve/request.h"
#include "pipelines/worker_protocol/job.h"
#include "tests/fuzz/fuzz.h"

namespace {

void read_spool(std::string_view bytes) {
  static const luthier::fuzz::ScratchFolder kFolder;
  (void)kFolder.write(luthier::shim::kSpoolMessages, bytes);
  const luthier::agents::SpoolReader reader(kFolder.path());
  for (std::uint64_t offset = 0; offset < bytes.size();) {
    const auto piece = reader.read_metrics(offset);
    LUTHIER_CHECK(piece.next_offset >= offset && piece.next_offset <= bytes.size());
    if (piece.next_offset == offset) {
      break;
    }
    offset = piece.next_offset;
  }
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  shim::LineBuffer whole(64);
  shim::LineBuffer pieces(64);
  std::string lines_of_whole;
  std::string lines_of_pieces;
  whole.feed(
      bytes, [&](std::string_view line) { lines_of_whole.append(line).append("\n"); }, [&] { lines_of_whole += "!"; });
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    pieces.feed(
        bytes.substr(at, 3), [&](std::string_view line) { lines_of_pieces.append(line).append("\n"); },
        [&] { lines_of_pieces += "!"; });
  }
  LUTHIER_CHECK(lines_of_whole == lines_of_pieces);

  read_spool(bytes);
  (void)shim::status_from_json(shim::Json::parse(bytes, nullptr, false));
  (void)worker_protocol::parse_job(bytes);
  (void)worker::parse_request(bytes);
}
