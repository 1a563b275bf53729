"""Both models in the admin."""

from django.contrib import admin

from .models import Author, Book

admin.site.register(Author)


@admin.register(Book)
class BookAdmin(admin.ModelAdmin):
    list_display = ['title', 'author', 'cover']
    search_fields = ['title', 'author__name']
