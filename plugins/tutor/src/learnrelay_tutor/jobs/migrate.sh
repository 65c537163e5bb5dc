learnrelay check --config /openedx/config/learnrelay.toml
learnrelay migrate --config /openedx/config/learnrelay.toml
