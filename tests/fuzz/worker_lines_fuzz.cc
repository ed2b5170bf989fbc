// The lines of docs/worker-protocol.md as each side reads them: cut from a stream, read from the spool, a job file, a
// serving request.
#include "agents/link/spool_reader.h"
#include "agents/shim/records.h"
#include "agents/shim/unix_socket.h"
#include "agents/worker/formats/chat_format.h"
#include "agents/worker/serve/request.h"
#include "pipelines/text/chat/plain_template.h"
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

namespace luthier::fuzz {
namespace {

// A conversation goes by a template, or by its texts alone.
void ask(std::string_view line) {
  static const text::ChatTemplate kPlain = *text::ChatTemplate::parse(
      {{"default", "plain", std::string(text::plain_chat_template())}}, {{"eos_token", "</s>"}});
  const auto parsed = worker::parse_request(line);
  const auto* request = std::get_if<worker::Request>(&parsed);
  const auto* generate = request == nullptr ? nullptr : std::get_if<worker::GenerateRequest>(request);
  if (generate == nullptr || generate->chat.is_null()) {
    return;
  }
  (void)worker::joined_messages(generate->chat);
  if (worker::check_only_text(generate->chat)) {
    const auto rendered = kPlain.render(generate->chat, {.add_generation_prompt = true, .find_spans = false});
    LUTHIER_CHECK(!rendered || rendered->text.ends_with("assistant:\n"));
    const auto asked = worker::asked_part(generate->chat);
    LUTHIER_CHECK(!asked || worker::with_answer(*asked, "a")["messages"].size() > 1);
  }
}

}  // namespace
}  // namespace luthier::fuzz

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
  ask(bytes);
}
