// Everything that a reader gives, for comparisons.
#pragma once

#include <string>
#include <vector>

#include "pipelines/data/read/reader.h"

namespace luthier::data::read {

struct ReadAll {
  std::vector<std::string> records;   // "LINE:COLUMN JSON"
  std::vector<std::string> problems;  // as people read them
  std::string error;                  // that ended it
  FileFormat format = FileFormat::kJsonLines;
};

inline ReadAll read_all(const std::string& bytes, FileFormat format, std::size_t chunk = 0,
                        ExpansionLimits expansion = {}) {
  ReadAll all;
  auto reader = open_reader(from_memory(bytes, chunk), {format, "f", expansion});
  if (!reader) {
    all.error = reader.error().message;
    return all;
  }
  all.format = (*reader)->format();
  ExampleStream stream(**reader, "f");
  while (true) {
    auto next = stream.next();
    if (!next) {
      all.error = next.error().message;
      return all;
    }
    if (!next->has_value()) {
      return all;
    }
    const ReadExample& read = **next;
    if (read.problem) {
      all.problems.push_back(to_string(*read.problem));
    } else {
      all.records.push_back(std::to_string(read.example.line) + ":" + std::to_string(read.example.column) + " " +
                            read.example.value.dump());
    }
  }
}

}  // namespace luthier::data::read
