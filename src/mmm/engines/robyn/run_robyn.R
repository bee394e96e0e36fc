# Runs Robyn once. What it is called with comes as JSON, what it says goes into files; nothing is decided here.
#
#   Rscript run_robyn.R --check            prints "name version" of R and of each package, or "name missing"
#   Rscript run_robyn.R FOLDER PROGRESS    reads FOLDER/inputs.json, writes FOLDER/tables and FOLDER/artifacts
#
# PROGRESS is a file or a pipe that gets one JSON object per line: a stage begins, a warning, or the error that ended it.
# Robyn's own prints go to the standard streams.

versions <- function() {
  version <- function(name) tryCatch(as.character(packageVersion(name)), error = function(e) "missing")
  imports <- suppressWarnings(packageDescription("Robyn", fields = "Imports"))
  imports <- if (is.na(imports)) character() else trimws(gsub("\\([^)]*\\)", "", strsplit(imports, ",")[[1]]))
  packages <- unique(c("jsonlite", "Robyn", imports))
  c(R = as.character(getRversion()), vapply(packages, version, ""))
}

check <- function() {
  found <- versions()
  cat(paste(names(found), found), sep = "\n")
}

read_table <- function(folder, name, types) {
  read.csv(
    file.path(folder, name),
    colClasses = unlist(types), check.names = FALSE, na.strings = character(), fileEncoding = "UTF-8"
  )
}

run <- function(folder, say) {
  asked <- jsonlite::fromJSON(file.path(folder, "inputs.json"))
  artifacts <- file.path(folder, "artifacts")
  tables <- file.path(folder, "tables")
  dir.create(tables)
  write_table <- function(data, name) {
    write.csv(as.data.frame(data), file.path(tables, paste0(name, ".csv")), row.names = FALSE, na = "")
  }

  say(stage = "features")
  library(Robyn)
  inputs <- c(list(dt_input = read_table(folder, "data.csv", asked$types)), asked$inputs)
  if (file.exists(file.path(folder, "holidays.csv"))) {
    inputs$dt_holidays <- read_table(
      folder, "holidays.csv", c(ds = "Date", holiday = "character", country = "character", year = "integer")
    )
  }
  if (length(asked$calibration)) {
    studies <- as.data.frame(asked$calibration)
    studies$liftStartDate <- as.Date(studies$liftStartDate)
    studies$liftEndDate <- as.Date(studies$liftEndDate)
    inputs$calibration_input <- studies
  }
  input_collect <- do.call(robyn_inputs, inputs)

  say(stage = "search")
  output_models <- do.call(robyn_run, c(list(InputCollect = input_collect), asked$run))

  say(stage = "select")
  output_collect <- do.call(robyn_outputs, c(
    list(
      InputCollect = input_collect, OutputModels = output_models,
      plot_folder = folder, plot_folder_sub = "artifacts"
    ),
    asked$outputs
  ))

  say(stage = "files")
  for (model in output_collect$clusters$models$solID) {
    robyn_write(InputCollect = input_collect, OutputCollect = output_collect, select_model = model, dir = artifacts)
    if (length(asked$allocator)) {
      do.call(robyn_allocator, c(
        list(InputCollect = input_collect, OutputCollect = output_collect, select_model = model),
        asked$allocator
      ))
    }
  }
  saveRDS(
    list(InputCollect = input_collect, OutputCollect = output_collect),
    file.path(artifacts, "Robyn.RDS")
  )

  write_table(input_collect$dt_mod, "frame")
  write_table(output_collect$allPareto$resultHypParam, "candidates")
  write_table(output_collect$resultHypParam, "kept")
  write_table(output_collect$xDecompAgg, "aggregated")
  about <- list(
    first_row = input_collect$rollingWindowStartWhich,
    last_row = input_collect$rollingWindowEndWhich,
    cores = output_models$cores,
    convergence = output_models$convergence$conv_msg,
    versions = as.list(versions())
  )
  jsonlite::write_json(about, file.path(folder, "about.json"), auto_unbox = TRUE, digits = NA)
}

main <- function(folder, progress) {
  options(warn = 1)
  # Robyn asks this variable whether its workers may be forked.
  Sys.setenv(R_FUTURE_FORK_ENABLE = "true")
  stream <- file(progress, open = "w", raw = TRUE)
  say <- function(...) {
    line <- paste0("{", paste0('"', names(list(...)), '":', vapply(list(...), encoded, ""), collapse = ","), "}")
    writeLines(line, stream)
    flush(stream)
  }
  # Robyn turns an error in a plot into a message and leaves out the files that would have followed.
  noted <- function(m) {
    if (grepl("Failed exporting results", conditionMessage(m), fixed = TRUE)) say(warning = conditionMessage(m))
  }
  tryCatch(
    withCallingHandlers(run(normalizePath(folder), say), message = noted),
    error = function(e) {
      message("Error: ", conditionMessage(e))
      say(error = conditionMessage(e))
      quit(save = "no", status = 1)
    }
  )
}

# A JSON string without a package: an error must be told where jsonlite itself is missing.
encoded <- function(text) {
  text <- gsub("[[:cntrl:]]+", " ", enc2utf8(paste(text, collapse = " ")))
  paste0('"', gsub('(["\\\\])', "\\\\\\1", text), '"')
}

arguments <- commandArgs(trailingOnly = TRUE)
if (identical(arguments, "--check")) check() else main(arguments[[1]], arguments[[2]])
