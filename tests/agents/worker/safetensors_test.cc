#include "agents/worker/formats/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

std::string file_bytes(const std::string& header, std::size_t data_bytes) {
  const std::uint64_t size = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &size, 8);
  return bytes + header + std::string(data_bytes, '\x01');
}

TEST(Safetensors, WhatIsWrittenReadsBack) {
  const TemporaryFolder folder;
  const float numbers[] = {1, 2, 3, 4, 5, 6};
  const std::uint8_t bytes[] = {7, 8, 9};
  const auto path = folder.path() / "a.safetensors";
  ASSERT_TRUE(write_safetensors(path,
                                {{"matrix", {Dtype::kF32, {2, 3}, std::as_bytes(std::span(numbers))}},
                                 {"bytes", {Dtype::kU8, {3}, std::as_bytes(std::span(bytes))}},
                                 {"nothing", {Dtype::kF32, {0, 4}, {}}},
                                 {"scalar", {Dtype::kF32, {}, std::as_bytes(std::span(numbers).first(1))}}},
                                {{"step", "7"}}));
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->metadata(), (std::map<std::string, std::string>{{"format", "pt"}, {"step", "7"}}));
  ASSERT_EQ(file->tensors().size(), 4U);
  const TensorView& matrix = file->tensors().at("matrix");
  EXPECT_EQ(matrix.shape, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(matrix.bytes.data(), numbers, sizeof(numbers)), 0);
  EXPECT_EQ(file->tensors().at("bytes").bytes.size(), 3U);
  EXPECT_TRUE(file->tensors().at("scalar").shape.empty());
  EXPECT_FALSE(std::filesystem::exists(path.string() + ".partial"));
}

TEST(Safetensors, ReadsAFileOfAnotherProgram) {
  auto file = SafetensorsFile::open(LUTHIER_SOURCE_DIR "/tests/golden/worker/llama/model.safetensors");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->tensors().at("model.norm.weight").shape, (std::vector<std::int64_t>{32}));
}

struct Malformed {
  const char* name;
  std::string bytes;
  const char* message;
};

class MalformedSafetensors : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedSafetensors, IsRefusedWithTheReason) {
  const TemporaryFolder folder;
  const auto path = folder.write("bad.safetensors", GetParam().bytes);
  auto file = SafetensorsFile::open(path);
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(file.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(file.error().message, HasSubstr("bad.safetensors"));
}

const char* const kOne = R"("dtype":"F32","shape":[1])";
std::string tensor(const std::string& name, const std::string& members) { return "\"" + name + "\":{" + members + "}"; }
std::string offsets(int begin, int end) {
  return ",\"data_offsets\":[" + std::to_string(begin) + "," + std::to_string(end) + "]";
}
std::string one(const std::string& name, int begin, int end) { return tensor(name, kOne + offsets(begin, end)); }

INSTANTIATE_TEST_SUITE_P(
    All, MalformedSafetensors,
    ::testing::Values(
        Malformed{"Empty", "", "empty"}, Malformed{"Short", "abc", "3 bytes"},
        Malformed{"HugeHeader", std::string(8, '\xff') + "{}", "claims"},
        Malformed{"HeaderBeyondFile", file_bytes("{}", 0).replace(0, 1, 1, '\x09'), "claims"},
        Malformed{"NotJson", file_bytes("{nope}", 0), "not a JSON object"},
        Malformed{"NotAnObject", file_bytes("[]", 0), "not a JSON object"},
        Malformed{"TooDeep", file_bytes(R"({"a":{"b":{"c":{"d":{"e":{}}}}}})", 0), "not a JSON object"},
        Malformed{"SaidTwice", file_bytes("{" + one("a", 0, 4) + "," + one("a", 0, 4) + "}", 4), "'a' twice"},
        Malformed{"UnknownDtype", file_bytes(R"({"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,4]}})", 4), "Q4"},
        Malformed{"NoShape", file_bytes(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})", 4), "no shape"},
        Malformed{"NegativeShape", file_bytes(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4),
                  "shape"},
        Malformed{"ShapeOverflows",
                  file_bytes(R"({"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,0]}})", 0),
                  "shape"},
        Malformed{"OffsetsDoNotFit", file_bytes("{" + one("a", 0, 8) + "}", 8), "do not fit"},
        Malformed{"OffsetsBackwards", file_bytes("{" + one("a", 4, 0) + "}", 8), "do not fit"},
        Malformed{"Hole", file_bytes("{" + one("a", 0, 4) + "," + one("b", 8, 12) + "}", 12), "hole"},
        Malformed{"Overlap", file_bytes("{" + one("a", 0, 4) + "," + one("b", 0, 4) + "}", 4), "overlap"},
        Malformed{"DataMissing", file_bytes("{" + one("a", 0, 4) + "}", 2), "cut download"},
        Malformed{"DataLeftOver", file_bytes("{" + one("a", 0, 4) + "}", 9), "9 bytes"},
        Malformed{"BadMetadata", file_bytes(R"({"__metadata__":{"a":1}})", 0), "__metadata__"}),
    [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace luthier::worker
