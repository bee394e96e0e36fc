# Runs Robyn once. What it is called with comes as JSON, what it says goes into files; nothing is decided here.
#
#   Rscript run_robyn.R --check            prints "name version" of R and of each package, or "name missing"
#   Rscript run_robyn.R FOLDER PROGRESS    reads FOLDER/inputs.json, writes FOLDER/tables and FOLDER/artifacts
#
# PROGRESS is a file or a pipe that gets one JSON object per line: a stage begins, how many of its parts are done, a
# warning, or the error that ended it. Robyn's own prints go to the standard streams.
#
# FOLDER/about.json is written as soon as the tables of the results are: what fails after it costs files, no result.

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

collected_inputs <- function(folder, asked) {
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
  do.call(robyn_inputs, inputs)
}

# Robyn says how many models it keeps before it goes through them one by one.
counted <- function(say, selection) {
  told <- function(m) {
    text <- conditionMessage(m)
    if (grepl("pareto-optimal models (", text, fixed = TRUE)) say(models = as.integer(sub(".*\\((\\d+)\\).*", "\\1", text)))
  }
  withCallingHandlers(selection, message = told)
}

# Without clusters, where none were asked for or Robyn found none. It leaves its error among the results then.
without_failed_clusters <- function(output_collect, asked, say) {
  if (is.list(output_collect$clusters)) return(output_collect)
  if (isTRUE(asked$outputs$clusters)) {
    said <- trimws(paste(as.character(output_collect$clusters), collapse = " "))
    say(warning = paste("Robyn found no clusters among the kept models:", said))
  }
  output_collect$clusters <- NULL
  output_collect
}

# The models that get files of their own: each cluster's best, else the best score of the first front.
best_models <- function(output_collect) {
  if (is.list(output_collect$clusters)) return(output_collect$clusters$models$solID)
  kept <- output_collect$resultHypParam
  first <- kept[which(kept$robynPareto == min(kept$robynPareto, na.rm = TRUE)), ]
  first$solID[which.min(first$error_score)]
}

write_results <- function(folder, input_collect, output_models, output_collect) {
  write_table <- function(data, name) {
    write.csv(as.data.frame(data), file.path(folder, "tables", paste0(name, ".csv")), row.names = FALSE, na = "")
  }
  write_table(input_collect$dt_mod, "frame")
  write_table(output_collect$allPareto$resultHypParam, "candidates")
  write_table(output_collect$resultHypParam, "kept")
  write_table(output_collect$xDecompAgg, "aggregated")
  if (!is.null(output_collect$resultCalibration)) write_table(output_collect$resultCalibration, "calibration")
  about <- list(
    first_row = input_collect$rollingWindowStartWhich,
    last_row = input_collect$rollingWindowEndWhich,
    cores = output_models$cores,
    convergence = output_models$convergence$conv_msg,
    versions = as.list(versions())
  )
  jsonlite::write_json(about, file.path(folder, "about.json"), auto_unbox = TRUE, digits = NA)
}

# Robyn's own files, one function each by what they are: CSVs first, drawings last.
file_writers <- function(artifacts, asked, input_collect, output_collect) {
  best <- best_models(output_collect)
  both <- list(InputCollect = input_collect, OutputCollect = output_collect)
  calling <- function(what, ...) {
    arguments <- c(both, list(...))
    function() do.call(what, arguments)
  }
  writers <- list(
    "tables as CSV" = calling(robyn_csv, csv_out = "pareto", calibrated = !is.null(output_collect$resultCalibration)),
    "list of the models" = calling(robyn_write, dir = artifacts, quiet = TRUE)
  )
  for (model in best) {
    writers[[paste("model", model)]] <- calling(robyn_write, select_model = model, dir = artifacts, quiet = TRUE)
  }
  clusters <- output_collect$clusters
  if (!is.null(clusters)) {
    writers[["clusters as CSV"]] <- function() {
      write.csv(clusters$data, file.path(artifacts, "pareto_clusters.csv"))
      write.csv(clusters$df_cluster_ci, file.path(artifacts, "pareto_clusters_ci.csv"))
    }
  }
  if (isTRUE(asked$files$rds)) {
    writers[["Robyn.RDS"]] <- function() saveRDS(both, file.path(artifacts, "Robyn.RDS"))
  }
  if (length(asked$allocator)) {
    for (model in best) {
      writers[[paste("allocation of", model)]] <-
        do.call(calling, c(list(robyn_allocator, select_model = model), asked$allocator))
    }
  }
  c(writers, if (isTRUE(asked$files$one_pagers)) drawings(artifacts, clusters, best, calling))
}

drawings <- function(artifacts, clusters, best, calling) {
  found <- list("charts of all models" = calling(robyn_plots, export = TRUE))
  if (!is.null(clusters)) {
    found[["charts of the clusters"]] <- function() {
      draw <- function(name, plot, width, height) {
        file <- file.path(artifacts, paste0("pareto_clusters_", name, ".png"))
        png(file, width = width, height = height, units = "in", res = 200, type = "cairo")
        tryCatch(suppressMessages(suppressWarnings(print(plot))), finally = dev.off())
      }
      draw("wss", clusters$wss, width = 5, height = 4)
      draw("ci", clusters$plot_clusters_ci, width = 12, height = 2 + 3 * ceiling(clusters$n_clusters / 2))
      draw("errors", clusters$plot_models_errors, width = 7, height = 5)
      draw("rois", clusters$plot_models_rois, width = 7, height = 2 + length(best))
    }
  }
  for (model in best) {
    found[[paste("one-pager of", model)]] <- calling(robyn_onepagers, select_model = model, quiet = TRUE, export = TRUE)
  }
  found
}

run <- function(folder, say) {
  asked <- jsonlite::fromJSON(file.path(folder, "inputs.json"))
  dir.create(file.path(folder, "tables"))

  say(stage = "features")
  library(Robyn)
  input_collect <- collected_inputs(folder, asked)

  say(stage = "search")
  output_models <- do.call(robyn_run, c(list(InputCollect = input_collect), asked$run))

  say(stage = "select")
  # Nothing is exported yet: Robyn would leave out its tables where it cannot draw.
  output_collect <- counted(say, do.call(robyn_outputs, c(
    list(
      InputCollect = input_collect, OutputModels = output_models, export = FALSE,
      plot_folder = folder, plot_folder_sub = "artifacts"
    ),
    asked$outputs
  )))
  output_collect <- without_failed_clusters(output_collect, asked, say)
  write_results(folder, input_collect, output_models, output_collect)

  writers <- file_writers(file.path(folder, "artifacts"), asked, input_collect, output_collect)
  say(stage = "files", total = length(writers))
  for (i in seq_along(writers)) {
    tryCatch(
      writers[[i]](),
      error = function(e) {
        say(warning = paste0("Robyn left out a file (", names(writers)[i], "): ", conditionMessage(e)))
      }
    )
    say(done = i)
  }
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
  tryCatch(
    run(normalizePath(folder), say),
    error = function(e) {
      message("Error: ", conditionMessage(e))
      say(error = conditionMessage(e))
      quit(save = "no", status = 1)
    }
  )
}

# JSON of a text or a whole number without a package: an error must be told where jsonlite itself is missing.
encoded <- function(value) {
  if (is.numeric(value)) return(format(value, scientific = FALSE))
  text <- gsub("[[:cntrl:]]+", " ", enc2utf8(paste(value, collapse = " ")))
  paste0('"', gsub('(["\\\\])', "\\\\\\1", text), '"')
}

arguments <- commandArgs(trailingOnly = TRUE)
if (identical(arguments, "--check")) check() else main(arguments[[1]], arguments[[2]])
