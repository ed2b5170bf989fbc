// `luthier data …`: training data on this machine, without a controller. One source file a verb.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "cli/command.h"
#include "cli/data_check.h"
#include "cli/data_count.h"
#include "cli/data_pack.h"
#include "cli/data_prepare.h"
#include "cli/data_render.h"
#include "cli/data_show.h"

namespace luthier::cli {

// Lives as long as the parser, which writes into it.
struct DataArguments {
  DataCheckOptions check;
  DataCountOptions count;
  DataPackOptions pack;
  DataPrepareOptions prepare;
  DataRenderOptions render;
  DataShowOptions show;
};

void add_data_commands(CLI::App& app, GlobalOptions& global, DataArguments& arguments, std::function<int()>& chosen);

}  // namespace luthier::cli
