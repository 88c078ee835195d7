"""What happened: bounded transcripts of sessions and attempts. Fed by acceptance and delivery; knows neither."""
