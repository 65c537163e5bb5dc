"""Names what the tests invent in both standards."""

COURSES = {
    "course-v1:Harbour+SAIL101+2026": "Sailing for Beginners",
    "ccx-v1:Harbour+SAIL101+2026+ccx@4": "Sailing for Beginners, evening group",
    "Harbour/KNOTS/2014": "Knots",
    "course-v1:Łódź+ŻEGL+2026": "Żeglarstwo dla początkujących",
}
