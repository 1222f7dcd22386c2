"""What the project ships; what somebody adds to it is not held to its rules."""

SHIPPED = (
    *("linear_regression", "least_squares", "market", "market_direction", "breast_cancer"),
    *("diabetes", "wine", "digits", "review_sentiment", "editorial_sentiment", "chinese_reviews"),
    *("few_labels", "news_topics", "news_topics_52", "news_topics_ensemble"),
)
