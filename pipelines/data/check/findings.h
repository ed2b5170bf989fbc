// Findings: problems counted by code, with the first places of each. Value type; those of later batches are added in
// order, so that the result does not hang on threads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/data/check/codes.h"

namespace luthier::data::check {

inline constexpr std::size_t kPlacesMax = 5;  // unless told

struct Place {
  std::string file;
  std::int64_t line = 0;    // from 1; 0: the whole file
  std::int64_t column = 0;  // in bytes, from 1; 0: the whole line
  std::string message;
  friend bool operator==(const Place&, const Place&) = default;
};

struct Finding {
  std::int64_t count = 0;
  std::vector<Place> first;
};

class Findings {
 public:
  explicit Findings(std::size_t places_max = kPlacesMax) : places_max_(places_max) {}

  // `make_place` is called only while places of this code are still kept.
  template <class MakePlace>
  void add(std::string_view code, const MakePlace& make_place) {
    Finding& finding = of(code);
    ++finding.count;
    if (finding.first.size() < places_max_) {
      finding.first.push_back(make_place());
    }
  }
  void add(const read::Problem& problem);
  // `count` of them at once.
  void add_many(std::string_view code, std::int64_t count, std::vector<Place> first);
  void append(Findings&& later);

  [[nodiscard]] std::int64_t count(std::string_view code) const;
  [[nodiscard]] std::int64_t count(Severity severity) const;  // codes, not places
  [[nodiscard]] const std::map<std::string_view, Finding>& by_code() const { return by_code_; }

 private:
  Finding& of(std::string_view code) { return by_code_[code_named(code).name]; }

  std::size_t places_max_;
  std::map<std::string_view, Finding> by_code_;  // keys live in the table of codes
};

}  // namespace luthier::data::check
