# A stand-in for tests: argument lists from signatures.json, results from recorded output of the real Robyn.
#
# Every call is written to calls.jsonl beside the package. standin.json there may ask for trouble:
# {"at": "robyn_run", "do": "error" | "warn" | "allocate" | "killed" | "hang", "message": "..."}.

.state <- new.env()

.onLoad <- function(libname, pkgname) {
  .state$library <- libname
  .state$recorded <- file.path(libname, pkgname, "recorded")
  signatures <- jsonlite::read_json(file.path(libname, pkgname, "signatures.json"))$functions
  for (name in names(signatures)) {
    assign(name, function_of(name, signatures[[name]]), envir = topenv())
  }
  message("This is a stand-in for tests, not Robyn.")
}

function_of <- function(name, signature) {
  made <- function() NULL
  formals(made) <- lapply(signature$arguments, function(default) {
    if (is.null(default)) quote(expr = ) else parse(text = default)[[1]]
  })
  known <- c(names(signature$arguments), unlist(signature$through_dots))
  body(made) <- bquote({
    strict(.(name), names(match.call())[-1], environment(), .(known))
    stand_in(.(name), environment())
  })
  environment(made) <- topenv()
  made
}

# R lets a function with dots swallow what it does not know; here that is an error.
strict <- function(name, named, given, known) {
  unknown <- setdiff(named, setdiff(known, "..."))
  if (length(unknown)) stop(name, " has no argument ", paste(unknown, collapse = ", "))
  through_dots <- if ("..." %in% known) eval(quote(list(...)), given)
  values <- c(mget(setdiff(named, names(through_dots)), envir = given), through_dots)
  shown <- lapply(values, function(value) if (is.atomic(value) || class(value)[1] == "list") value else class(value))
  line <- jsonlite::toJSON(list(name = name, arguments = shown), auto_unbox = TRUE, null = "null", force = TRUE)
  cat(line, "\n", sep = "", file = file.path(.state$library, "calls.jsonl"), append = TRUE)
}

stand_in <- function(name, given) {
  trouble(name)
  implementation <- get0(paste0("do_", name), envir = topenv())
  if (is.null(implementation)) stop("the stand-in does not do ", name)
  implementation(given)
}

trouble <- function(name) {
  path <- file.path(.state$library, "standin.json")
  if (!file.exists(path)) return(invisible())
  asked <- jsonlite::read_json(path)
  if (asked$at != name) return(invisible())
  switch(asked$do,
    error = stop(asked$message),
    warn = message(asked$message),
    allocate = numeric(1e14),
    killed = tools::pskill(Sys.getpid(), tools::SIGKILL),
    hang = {
      cat("hanging\n")
      system("sleep 300")
    }
  )
}

recorded <- function(name) read.csv(file.path(.state$recorded, name), check.names = FALSE)

do_hyper_names <- function(given) {
  endings <- c("alphas", "gammas", if (given$adstock == "geometric") "thetas" else c("shapes", "scales"))
  sort(c(outer(given$all_media, endings, paste, sep = "_")))
}

do_robyn_inputs <- function(given) {
  data <- given$dt_input
  dates <- data[[given$date_var]]
  stopifnot(inherits(dates, "Date"), !anyNA(data))
  used <- c(
    given$dep_var, given$paid_media_spends, given$paid_media_vars, given$organic_vars, given$context_vars
  )
  stopifnot(all(used %in% names(data)), all(given$factor_vars %in% given$context_vars))
  stopifnot(vapply(data[setdiff(used, given$factor_vars)], is.numeric, TRUE))
  wanted <- hyper_names(adstock = given$adstock, all_media = c(given$paid_media_vars, given$organic_vars))
  named <- setdiff(names(given$hyperparameters), c("lambda", "train_size"))
  if (!setequal(wanted, named)) stop("wrong hyperparameters: ", paste(setdiff(named, wanted), collapse = ", "))
  if ("holiday" %in% given$prophet_vars) {
    stopifnot(
      inherits(given$dt_holidays$ds, "Date"), given$prophet_country %in% given$dt_holidays$country,
      names(given$dt_holidays) == c("ds", "holiday", "country", "year")
    )
  }
  if (!is.null(given$calibration_input)) {
    stopifnot(
      inherits(given$calibration_input$liftStartDate, "Date"), is.numeric(given$calibration_input$liftAbs),
      c("channel", "liftEndDate", "spend", "confidence", "metric", "calibration_scope") %in%
        names(given$calibration_input)
    )
  }
  structure(
    list(
      dt_mod = recorded("frame.csv"),
      rollingWindowStartWhich = which(dates == as.Date(given$window_start)),
      rollingWindowEndWhich = which(dates == as.Date(given$window_end)),
      adstock = given$adstock, hyperparameters = given$hyperparameters, calibration_input = given$calibration_input
    ),
    class = c("robyn_inputs", "list")
  )
}

do_robyn_run <- function(given) {
  stopifnot(inherits(given$InputCollect, "robyn_inputs"), is.integer(given$seed), !given$quiet)
  for (trial in seq_len(given$trials)) {
    bar <- txtProgressBar(max = given$iterations, style = 3)
    for (step in seq_len(20)) {
      setTxtProgressBar(bar, given$iterations * step / 20)
      Sys.sleep(0.01)
    }
    close(bar)
  }
  said <- jsonlite::read_json(file.path(.state$recorded, "convergence.json"), simplifyVector = TRUE)
  structure(
    list(cores = given$cores, trials = given$trials, iterations = given$iterations,
         convergence = list(conv_msg = said$conv_msg)),
    class = c("robyn_models", "list")
  )
}

do_robyn_outputs <- function(given) {
  stopifnot(inherits(given$OutputModels, "robyn_models"))
  # Ways that Robyn's prints take in this step: a bar of the curves, then one status line a model.
  bar <- txtProgressBar(max = 4, style = 3)
  for (step in 1:4) setTxtProgressBar(bar, step)
  close(bar)
  for (step in 1:2) cat(sprintf("\r 00:00:0%d [=====     ] %d%% | %d          ", step, 50 * step, step))
  cat("\n")
  folder <- file.path(given$plot_folder, given$plot_folder_sub)
  candidates <- recorded("candidates.csv.gz")
  models <- recorded("models.csv")
  kept <- candidates[match(models$solID, candidates$solID), ]
  kept["robynPareto"] <- models["robynPareto"]
  aggregated <- recorded("aggregated.csv.gz")
  best <- models$solID[models$top_sol]
  found <- list(
    allPareto = list(resultHypParam = candidates), resultHypParam = kept, xDecompAgg = aggregated,
    allSolutions = models$solID, plot_folder = paste0(folder, "/"),
    resultCalibration = if (length(given$InputCollect$calibration_input)) recorded("calibration.csv.gz")
  )
  clusters <- if (given$clusters) try(clusters_of(models, best), silent = TRUE)
  if (is.list(clusters)) {
    found$resultHypParam[c("cluster", "top_sol")] <- models[c("cluster", "top_sol")]
  } else {
    found$xDecompAgg <- aggregated[setdiff(names(aggregated), c("cluster", "top_sol", "ci_low", "ci_up", "carryover_pct"))]
  }
  if (!is.null(clusters)) found$clusters <- clusters
  class(found) <- c("robyn_outputs", "list")
  if (given$export) {
    dir.create(folder, showWarnings = FALSE)
    robyn_csv(InputCollect = given$InputCollect, OutputCollect = found)
    write.csv(clusters$data, file.path(folder, "pareto_clusters.csv"))
    robyn_onepagers(InputCollect = given$InputCollect, OutputCollect = found, select_model = best)
  }
  found
}

clusters_of <- function(models, best) {
  trouble("clusters")
  data <- models[c("solID", "cluster", "top_sol")]
  drawn <- structure(list(), class = "stand-in of a plot")
  list(
    models = data.frame(solID = best), data = data, df_cluster_ci = data.frame(rn = character(), cluster = integer()),
    n_clusters = length(best), wss = drawn, plot_clusters_ci = drawn, plot_models_errors = drawn, plot_models_rois = drawn
  )
}

do_robyn_csv <- function(given) {
  folder <- given$OutputCollect$plot_folder
  write.csv(given$OutputCollect$resultHypParam, file.path(folder, "pareto_hyperparameters.csv"))
  write.csv(given$OutputCollect$xDecompAgg, file.path(folder, "pareto_aggregated.csv"))
  if (given$calibrated) write.csv(given$OutputCollect$resultCalibration, file.path(folder, "pareto_calibration.csv"))
}

do_robyn_plots <- function(given) {
  writeBin(charToRaw("a chart"), file.path(given$OutputCollect$plot_folder, "pareto_front.png"))
}

do_robyn_onepagers <- function(given) {
  for (model in given$select_model) {
    writeBin(charToRaw("a page"), file.path(given$OutputCollect$plot_folder, paste0(model, ".png")))
  }
}

do_robyn_write <- function(given) {
  if (is.null(given$select_model)) {
    jsonlite::write_json(given$OutputCollect$allSolutions, file.path(given$dir, "RobynModel-models.json"))
    return(invisible())
  }
  stopifnot(given$select_model %in% given$OutputCollect$resultHypParam$solID)
  model <- list(ExportedModel = list(select_model = given$select_model))
  jsonlite::write_json(model, file.path(given$dir, paste0("RobynModel-", given$select_model, ".json")))
}

do_robyn_allocator <- function(given) {
  name <- paste0(given$select_model, "_", given$scenario, "_reallocated.csv")
  write.csv(data.frame(solID = given$select_model), file.path(given$OutputCollect$plot_folder, name))
}
