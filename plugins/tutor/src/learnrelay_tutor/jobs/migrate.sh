learnrelay check
learnrelay migrate
