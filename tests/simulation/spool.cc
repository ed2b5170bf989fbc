// The log and the metrics of an attempt: spooled by its shim, sent on by the agent beside the control stream. Pieces
// and answers get lost; an agent that was restarted knows no offset and asks.
#include <algorithm>

#include "tests/simulation/agent_node.h"
#include "tests/simulation/controller_node.h"

namespace luthier::simulation {

using namespace agents;  // NOLINT: this file is about their inputs

namespace {

constexpr std::uint64_t kPieceBytes = 24;

}  // namespace

void AgentNode::write_log(const AttemptId& attempt, const std::string& line) {
  const std::string bytes = to_string(attempt) + " " + line + "\n";
  folders_.at(attempt).spool += bytes;
  world_.telemetry.wrote(attempt, bytes);
  if (up()) {
    pump(attempt);
  }
}

void AgentNode::pump(const AttemptId& attempt) {
  Feed& feed = feeds_[attempt];
  if (feed.busy) {
    return;
  }
  feed.busy = true;
  const bool muted = world_.clock.now_ms() < mute_until_ms_;
  world_.clock.after(muted ? world_.between(1'000, 5'000) : world_.between(1, 300),
                     [this, attempt, life = incarnation_] {
                       if (life == incarnation_ && up() && feeds_.contains(attempt) && folders_.contains(attempt)) {
                         feeds_.at(attempt).busy = false;
                         send_piece(attempt);
                       }
                     });
}

void AgentNode::send_piece(const AttemptId& attempt) {
  Feed& feed = feeds_.at(attempt);
  const Folder& folder = folders_.at(attempt);
  if (world_.mutator.is(Mutation::kLogTailForgotten) && feed.flush && feed.offset > 0) {
    feed.refused = true;
  }
  if (feed.refused || feed.ended) {
    if (feed.flush) {
      this->feed(TelemetryFlushed{attempt});
    }
    return;
  }
  const std::string bytes = feed.offset < folder.spool.size() ? folder.spool.substr(feed.offset, kPieceBytes) : "";
  const std::uint64_t sent_to = feed.offset + bytes.size();
  const bool end = feed.flush && folder.exit && sent_to == folder.spool.size();
  if (bytes.empty() && !end) {
    return;
  }
  const bool online = world_.clock.now_ms() >= mute_until_ms_ && world_.link(id_).can_connect();
  const bool arrives = online && world_.controller().up() && !(world_.faults_on() && world_.chance(20));
  if (!arrives) {
    return pump(attempt);
  }
  const Telemetry::Appended answer = world_.telemetry.append_log(attempt, feed.offset, bytes, end);
  for (; feed.metrics_sent < folder.checkpoints.size(); ++feed.metrics_sent) {
    world_.telemetry.append_metric(attempt, folder.checkpoints[feed.metrics_sent].step);
  }
  if (world_.faults_on() && world_.chance(20)) {
    return pump(attempt);  // the answer is lost: the same piece again
  }
  answer_piece(attempt, answer, sent_to, end);
}

void AgentNode::answer_piece(const AttemptId& attempt, const Telemetry::Appended& answer, std::uint64_t sent_to,
                             bool end) {
  Feed& feed = feeds_.at(attempt);
  feed.refused = answer.refused;
  if (!answer.refused) {
    feed.offset = answer.next_offset;
    feed.ended = end && answer.next_offset >= sent_to;
  }
  pump(attempt);
}

}  // namespace luthier::simulation
