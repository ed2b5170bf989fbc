#include "agents/link/spool_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "agents/shim/records.h"
#include "base/unique_fd.h"

namespace luthier::agents {
namespace {

using Json = nlohmann::json;

std::string read_at(const std::filesystem::path& path, std::uint64_t offset, std::size_t bytes_max) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string content(bytes_max, '\0');
  std::size_t filled = 0;
  while (fd.valid() && filled < bytes_max) {
    const ssize_t count =
        ::pread(fd.get(), content.data() + filled, bytes_max - filled, static_cast<off_t>(offset + filled));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      break;
    }
    filled += static_cast<std::size_t>(count);
  }
  content.resize(filled);
  return content;
}

void add_points(std::string_view line, std::vector<MetricPiece::Point>& points) {
  if (line.find("\"metric\"") == std::string_view::npos) {
    return;
  }
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object() || message.value("type", Json()) != "metric") {
    return;
  }
  const Json step = message.value("step", Json());
  const Json values = message.value("values", Json());
  if (!step.is_number_integer() || !values.is_object()) {
    return;
  }
  for (const auto& [series, value] : values.items()) {
    if (value.is_number()) {
      points.push_back({series, step.get<std::int64_t>(), value.get<double>()});
    }
  }
}

}  // namespace

std::string SpoolReader::read_log(std::uint64_t offset) const {
  return read_at(folder_ / shim::kSpoolLog, offset, kLogBytesMax);
}

MetricPiece SpoolReader::read_metrics(std::uint64_t offset) const {
  MetricPiece piece{{}, offset};
  std::string text;
  std::size_t bytes = std::size_t{64} << 10;
  do {  // larger only for a line that is
    text = read_at(folder_ / shim::kSpoolMessages, offset, bytes);
    bytes *= 4;
  } while (text.find('\n') == std::string::npos && text.size() == bytes / 4 && bytes / 4 <= shim::kLineBytesMax);
  std::size_t start = 0;
  while (piece.points.size() < kPointsMax) {
    const std::size_t end = text.find('\n', start);
    if (end == std::string::npos) {
      break;
    }
    std::vector<MetricPiece::Point> points;
    add_points(std::string_view(text).substr(start, end - start), points);
    if (points.size() > kPointsMax) {
      points.resize(kPointsMax);
    }
    if (piece.points.size() + points.size() > kPointsMax) {
      break;
    }
    piece.points.insert(piece.points.end(), points.begin(), points.end());
    start = end + 1;
  }
  piece.next_offset = offset + start;
  return piece;
}

}  // namespace luthier::agents
